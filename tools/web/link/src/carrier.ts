/** What a connection needs of the world: time, sockets, and somebody who is told of errors that are not its own. */

/** Time, so that tests can have their own. */
export interface Clock {
  /** Monotonic ms, above 0. */
  now(): number;
  /** Unix ms. */
  wall(): number;
  /** Runs `run` once, `ms` from now; what it returns stops that. */
  after(ms: number, run: () => void): () => void;
}

export const realClock: Clock = {
  now: () => performance.now() + 1,
  wall: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), 0x7fffffff));
    return () => clearTimeout(timer);
  },
};

/** What is used of a WebSocket. */
export interface Socket {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

/** Makes a socket; may throw, which counts as an attempt that failed. */
export type SocketMaker = (url: string, protocol: string) => Socket;

export const realSocket: SocketMaker = (url, protocol) => new WebSocket(url, protocol) as unknown as Socket;

/** The bytes of a message; undefined: it is not binary. Not by instanceof: pages and tests have several worlds. */
export function bytesOf(data: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Object.prototype.toString.call(data) === "[object ArrayBuffer]" ? new Uint8Array(data as ArrayBuffer) : undefined;
}

/** `url` when a WebSocket can be made of it; throws TypeError with what is wrong. */
export function checkedUrl(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new TypeError("url: not an absolute URL; it looks like wss://relay.example.org/v1/link");
  }
  if (parsed.protocol !== "ws:" && parsed.protocol !== "wss:") throw new TypeError(`url: begins with ws: or wss:, not with ${parsed.protocol}`);
  if (parsed.username || parsed.password) throw new TypeError("url: a token or password does not belong in it; use `token`");
  return url;
}

/** Where errors go that listeners throw: they are the page's, and must not stop the link. */
export type Report = (error: unknown) => void;
export const toConsole: Report = (error) => console.error("libremote:", error);

/** Who is told of something. Whoever throws is reported, and the others are told all the same. */
export class Listeners<T> {
  #all = new Set<(told: T) => void>();
  #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  /** Returns what ends it. */
  add(listener: (told: T) => void): () => void {
    const mine = (told: T): void => listener(told); // the same function twice is two listeners
    this.#all.add(mine);
    return () => void this.#all.delete(mine);
  }

  tell(told: T): void {
    for (const listener of [...this.#all]) {
      if (!this.#all.has(listener)) continue; // ended by one before it
      try {
        listener(told);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
