/** A clock that stands still but for `advance`, and sockets whose other end the runner holds. */
import type { Clock, Socket } from "../../../tools/web/link/src/carrier.js";
import type { Outputs } from "./harness.js";

const WALL_MS = 1_700_000_000_000;
const TURNS_MAX = 100_000;

interface Timer {
  due: number;
  order: number;
  run: () => void;
}

export class VirtualClock implements Clock {
  #now = 1000;
  #step = 0;
  #timers = new Set<Timer>();
  #order = 0;

  now(): number {
    return this.#now;
  }
  wall(): number {
    return WALL_MS - 1000 + this.#now + this.#step;
  }
  /** The wall clock jumps. */
  step(ms: number): void {
    this.#step += ms;
  }
  after(ms: number, run: () => void): () => void {
    const timer = { due: this.#now + Math.max(ms, 0), order: this.#order++, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
  /** What is due runs, in its order, each at its time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let turns = 0; ; turns++) {
      if (turns > TURNS_MAX) throw new Error("the timers do not come to rest");
      let next: Timer | undefined;
      for (const timer of this.#timers) {
        if (timer.due > end) continue;
        if (!next || timer.due < next.due || (timer.due === next.due && timer.order < next.order)) next = timer;
      }
      if (!next) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.due);
      next.run();
    }
    this.#now = end;
  }
}

/** What Connection uses of a WebSocket. */
class VirtualSocket implements Socket {
  binaryType = "";
  readyState = 0;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  halfOpen = false;
  room = Infinity;
  readonly carrier: number;
  #network: VirtualNetwork;
  #unsent: Uint8Array[] = [];

  constructor(network: VirtualNetwork, carrier: number) {
    this.#network = network;
    this.carrier = carrier;
  }
  get bufferedAmount(): number {
    return this.#unsent.reduce((sum, piece) => sum + piece.length, 0);
  }
  send(data: Uint8Array): void {
    if (this.readyState !== 1) throw new Error("sent on a socket that is not open");
    this.#unsent.push(data.slice());
    this.flush();
  }
  flush(): void {
    while (this.#unsent.length > 0 && this.room > 0) {
      const first = this.#unsent[0]!;
      const piece = first.subarray(0, Math.min(first.length, this.room));
      this.room -= piece.length;
      if (piece.length === first.length) this.#unsent.shift();
      else this.#unsent[0] = first.subarray(piece.length);
      if (!this.halfOpen) this.#network.outputs.bytes(this.carrier, piece);
    }
  }
  close(): void {
    const wasOpen = this.readyState === 1;
    this.readyState = 3;
    this.#network.gone(this.carrier);
    if (wasOpen && !this.halfOpen) this.#network.outputs.closed(this.carrier);
  }
}

const nothing = undefined as never;

export class VirtualNetwork {
  readonly outputs: Outputs;
  #sockets = new Map<number, VirtualSocket>();
  #dials = 0;

  constructor(outputs: Outputs) {
    this.outputs = outputs;
  }
  /** The runner is asked for a carrier. */
  dial(): Socket {
    const socket = new VirtualSocket(this, ++this.#dials);
    this.#sockets.set(socket.carrier, socket);
    this.outputs.dial(socket.carrier);
    return socket;
  }
  gone(carrier: number): void {
    this.#sockets.delete(carrier);
  }
  /** Whoever had sockets has died. */
  clear(): void {
    this.#sockets.clear();
  }

  connected(carrier: number, refused: boolean): void {
    const socket = this.#sockets.get(carrier);
    if (!socket || socket.readyState !== 0) {
      if (!refused) this.outputs.closed(carrier); // whoever asked does not want it any more
      return;
    }
    if (refused) {
      this.cut(carrier, false);
      return;
    }
    socket.readyState = 1;
    socket.onopen?.(nothing);
  }
  bytes(carrier: number, data: Uint8Array): void {
    const socket = this.#sockets.get(carrier);
    if (!socket || socket.readyState !== 1 || socket.halfOpen) return;
    socket.onmessage?.({ data: data.slice().buffer } as never);
  }
  cut(carrier: number, halfOpen: boolean): void {
    const socket = this.#sockets.get(carrier);
    if (!socket) return;
    if (halfOpen) {
      socket.halfOpen = true;
      return;
    }
    socket.readyState = 3;
    this.#sockets.delete(carrier);
    socket.onclose?.(nothing);
  }
  room(carrier: number, bytes: number): void {
    const socket = this.#sockets.get(carrier);
    if (!socket) return;
    socket.room = bytes;
    socket.flush();
  }
}
