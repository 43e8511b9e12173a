/** A push service on this machine and the browser's half of a subscription: what the relay sends is kept, and read as a browser reads it. */
import { createDecipheriv, createECDH, hkdfSync, randomBytes, type ECDH } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Pushed {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export class PushService {
  readonly pushed: Pushed[] = [];
  readonly auth = randomBytes(16);
  readonly #keys: ECDH = createECDH("prime256v1");
  #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.#keys.generateKeys();
  }

  static async start(): Promise<PushService> {
    const server = createServer((request, answer) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        service.pushed.push({ headers: request.headers, body: Buffer.concat(pieces) });
        answer.writeHead(201).end();
      });
    });
    const service = new PushService(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return service;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/push/1`;
  }
  get point(): Buffer {
    return this.#keys.getPublicKey();
  }

  /** RFC 8291, one record of RFC 8188. */
  read(message: Pushed): string {
    const { body } = message;
    const salt = body.subarray(0, 16);
    const sender = body.subarray(21, 21 + body[20]!);
    const record = body.subarray(21 + body[20]!);
    const key = (from: Buffer, secret: Buffer, info: Buffer, bytes: number) => Buffer.from(hkdfSync("sha256", secret, from, info, bytes));
    const secret = key(this.auth, this.#keys.computeSecret(sender), Buffer.concat([Buffer.from("WebPush: info\0"), this.point, sender]), 32);
    const opened = createDecipheriv("aes-128-gcm", key(salt, secret, Buffer.from("Content-Encoding: aes128gcm\0"), 16),
      key(salt, secret, Buffer.from("Content-Encoding: nonce\0"), 12));
    opened.setAuthTag(record.subarray(-16));
    const text = Buffer.concat([opened.update(record.subarray(0, -16)), opened.final()]);
    return text.subarray(0, text.lastIndexOf(2)).toString();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
