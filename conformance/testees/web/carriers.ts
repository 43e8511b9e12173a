/**
 * The runner's carriers as WebSockets of the page: what the runner sends goes out as messages of whole frames, each at
 * most 1 MiB; what the page sends comes as it is.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { Unsupported } from "./client.js";
import type { Outputs } from "./harness.js";

const MESSAGE_BYTES_MAX = 1 << 20;
const SUBPROTOCOL = "remote.v1";

interface Carrier {
  socket: WebSocket;
  halfOpen: boolean;
  rest: Buffer; // the beginning of a frame
}

/** How far whole frames reach: fields of a Batch, each a tag and a length. */
function wholeBytes(data: Buffer): number {
  let end = 0;
  for (let at = 0; at < data.length; at = end) {
    let length = 0, scale = 1, next = at + 1;
    for (;;) {
      if (next >= data.length || next > at + 5) return data[at] === 0x0a && next <= at + 5 ? end : data.length;
      const byte = data[next++]!;
      length += (byte & 127) * scale;
      scale *= 128;
      if (byte < 128) break;
    }
    if (data[at] !== 0x0a) return data.length; // no frames: it goes as it is
    if (next + length > data.length || (end > 0 && next + length > MESSAGE_BYTES_MAX)) return end;
    end = next + length;
  }
  return end;
}

export class Carriers {
  #server = new WebSocketServer({
    noServer: true, maxPayload: MESSAGE_BYTES_MAX, perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  #outputs: Outputs;
  #waiting = new Map<number, { request: IncomingMessage; socket: Duplex; head: Buffer }>();
  #open = new Map<number, Carrier>();
  #dials = 0;

  constructor(outputs: Outputs) {
    this.#outputs = outputs;
  }

  /** A new case, or whoever had them has died. `numbers`: they begin again. */
  clear(numbers: boolean): void {
    for (const { socket } of this.#waiting.values()) socket.destroy();
    this.#waiting.clear();
    for (const carrier of this.#open.values()) carrier.socket.terminate();
    this.#open.clear();
    if (numbers) this.#dials = 0;
  }

  /** The page asks for a WebSocket; the answer is the runner's. */
  asked(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (request.headers["sec-websocket-protocol"] !== SUBPROTOCOL || request.headers.origin !== `http://${request.headers.host}`) {
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      return;
    }
    const number = ++this.#dials;
    this.#waiting.set(number, { request, socket, head });
    socket.on("error", () => {});
    socket.on("close", () => this.#waiting.delete(number));
    this.#outputs.dial(number);
  }

  connected(number: number, refused: boolean): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (!waiting) {
      if (!refused) this.#outputs.closed(number); // it does not want it any more
      return;
    }
    if (refused) {
      waiting.socket.destroy();
      return;
    }
    this.#server.handleUpgrade(waiting.request, waiting.socket, waiting.head, (socket) => {
      const carrier: Carrier = { socket, halfOpen: false, rest: Buffer.alloc(0) };
      this.#open.set(number, carrier);
      socket.on("message", (data) => {
        if (this.#open.get(number) === carrier && !carrier.halfOpen) this.#outputs.bytes(number, data as Buffer);
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        if (this.#open.get(number) !== carrier) return;
        this.#open.delete(number);
        if (!carrier.halfOpen) this.#outputs.closed(number);
      });
    });
  }

  bytes(number: number, data: Uint8Array): void {
    const carrier = this.#open.get(number);
    if (!carrier || carrier.halfOpen) return;
    carrier.rest = Buffer.concat([carrier.rest, data]);
    for (let end = wholeBytes(carrier.rest); end > 0; end = wholeBytes(carrier.rest)) {
      carrier.socket.send(carrier.rest.subarray(0, end));
      carrier.rest = carrier.rest.subarray(end);
    }
  }

  /** A message ends with a frame: a case that stops inside one is about streams. */
  expectWholeMessages(): void {
    for (const carrier of this.#open.values())
      if (carrier.rest.length > 0) throw new Unsupported("a message that ends inside a frame is another case");
  }

  cut(number: number, halfOpen: boolean): void {
    const carrier = this.#open.get(number);
    if (!carrier) return;
    if (halfOpen) {
      carrier.halfOpen = true;
      return;
    }
    this.#open.delete(number);
    carrier.socket.terminate();
  }
}
