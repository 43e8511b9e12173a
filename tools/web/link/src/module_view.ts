/** libremote's own view, in the module: what the View of this package is held against. */
import type { Module } from "./module.js";

/** How an event is folded (wasm/view.c). */
export const Apply = { DURABLE: 0, BEGINS: 1, TAIL: 2 } as const;

export class ModuleView {
  #module: Module;
  #at: number;

  /** `at`: its address; see Endpoint.clientView and ModuleView.create. */
  constructor(module: Module, at: number) {
    this.#module = module;
    this.#at = at;
  }

  /** One that belongs to nobody: `destroy` it. */
  static create(module: Module): ModuleView {
    const at = module.c.remote_view_create();
    if (at === 0) throw new RangeError("libremote: no memory for a view");
    return new ModuleView(module, at);
  }
  destroy(): void {
    this.#module.c.remote_view_destroy(this.#at);
    this.#at = 0;
  }

  /** Folds an encoded Event. Below 0: it is not one that a client would take. */
  apply(event: Uint8Array, how: number): number {
    const at = this.#module.put(event);
    const result = this.#module.c.remote_view_apply(this.#at, at, event.length, how);
    this.#module.free(at);
    return result;
  }
  clearTail(): void {
    this.#module.c.remote_view_clear(this.#at);
  }

  /** What write() says it would write, with room for it. */
  #written(write: (out: number, capacity: number) => number): Uint8Array {
    const bytes = write(0, 0);
    const out = this.#module.reserve(bytes);
    write(out, bytes);
    const written = this.#module.take(out, bytes);
    this.#module.free(out);
    return written;
  }

  /** An encoded SessionState, tails included. */
  state(): Uint8Array {
    return this.#written((out, capacity) => this.#module.c.remote_view_state(this.#at, out, capacity));
  }

  /** The durable state as encoded Events of a snapshot set. */
  snapshot(atMs = 0): Uint8Array[] {
    const all = this.#written((out, capacity) => this.#module.c.remote_view_snapshot(this.#at, atMs, out, capacity));
    const lengths = new DataView(all.buffer);
    const messages: Uint8Array[] = [];
    for (let at = 0; at < all.length;) {
      const bytes = lengths.getUint32(at, true);
      messages.push(all.subarray(at + 4, at + 4 + bytes));
      at += 4 + bytes;
    }
    return messages;
  }
}
