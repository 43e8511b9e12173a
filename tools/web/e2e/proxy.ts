/** The network between a browser and its relay, outside of the browser: it can be cut, go silent, be slow, be away. */
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

interface Pair {
  near: Socket;
  far: Socket;
  /** Both ends are kept and nothing gets through any more: a NAT that forgot. */
  silent: boolean;
}

export class Proxy {
  #server: Server;
  #target: () => number;
  #pairs = new Set<Pair>();
  #refusing = false;
  #delayMs = 0;
  #cutAfter = Infinity;
  #cutDone: (() => void) | undefined;

  private constructor(server: Server, target: () => number) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (near) => this.#accept(near));
  }

  static async start(target: () => number): Promise<Proxy> {
    const server = createServer({ noDelay: true });
    const proxy = new Proxy(server, target);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Ends every connection at once, with a reset. */
  cut(): void {
    for (const pair of this.#pairs) {
      pair.near.resetAndDestroy();
      pair.far.resetAndDestroy();
    }
    this.#pairs.clear();
  }

  /** Cuts when the relay has sent that many more bytes, wherever in a message that is; then it is over. */
  cutAfter(bytes: number): Promise<void> {
    this.#cutAfter = bytes;
    return new Promise((resolve) => (this.#cutDone = resolve));
  }

  /** What is open now stays open and carries nothing; new connections work. */
  silence(): void {
    for (const pair of this.#pairs) pair.silent = true;
  }

  /** New connections are reset, as by a machine where nobody listens. */
  refuse(on: boolean): void {
    this.#refusing = on;
  }

  /** Each piece takes so long, each way. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  async end(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(near: Socket): void {
    near.on("error", () => near.destroy());
    if (this.#refusing) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: this.#target(), host: "127.0.0.1", noDelay: true });
    const pair: Pair = { near, far, silent: false };
    this.#pairs.add(pair);
    far.on("error", () => far.destroy());
    this.#carry(pair, near, far, false);
    this.#carry(pair, far, near, true);
  }

  #carry(pair: Pair, from: Socket, to: Socket, down: boolean): void {
    from.on("data", (piece: Buffer) => {
      if (pair.silent) return;
      if (down && piece.length >= this.#cutAfter) {
        to.write(piece.subarray(0, this.#cutAfter), () => {
          this.cut();
          this.#cutDone?.();
        });
        this.#cutAfter = Infinity;
        return;
      }
      if (down) this.#cutAfter -= piece.length;
      const pass = () => {
        if (!pair.silent && !to.destroyed && !to.write(piece)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
      };
      if (this.#delayMs > 0) setTimeout(pass, this.#delayMs);
      else pass();
    });
    from.on("end", () => {
      if (!pair.silent) setTimeout(() => to.end(), this.#delayMs);
    });
    from.on("close", () => {
      if (!pair.silent) to.destroy();
      if (pair.near.destroyed && pair.far.destroyed) this.#pairs.delete(pair);
    });
  }
}
