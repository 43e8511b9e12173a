/**
 * The WebAssembly module: libremote's own client, as C that JavaScript calls. Nothing is imported into it.
 * Everything that touches its memory is here and in endpoint.ts.
 */

/** What wasm/endpoint.c and wasm/endpoint_parts.c export, without the prefix `remote_`. */
export interface Exports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  remote_alloc(bytes: number): number;
  remote_free(address: number): void;
  remote_sha256_bytes(): number;
  remote_sha256_begin(sum: number): void;
  remote_sha256_add(sum: number, data: number, bytes: number): void;
  remote_sha256_end(sum: number, out: number): void;
  remote_create(random: number, token: number, agent: number, grease: number): number;
  remote_destroy(endpoint: number): void;
  remote_set_token(endpoint: number, token: number, now: number): number;
  remote_state(endpoint: number): number;
  remote_generation(endpoint: number): number;
  remote_heard(endpoint: number): number;
  remote_attempt(endpoint: number): number;
  remote_attach(endpoint: number, now: number): number;
  remote_detach(endpoint: number, now: number): void;
  remote_probe(endpoint: number, now: number): void;
  remote_watch(endpoint: number, on: number, now: number): void;
  remote_goaway(endpoint: number, code: number, now: number): number;
  remote_request(endpoint: number, request: number, bytes: number, id: number, now: number): number;
  remote_feed(endpoint: number, data: number, bytes: number, now: number): number;
  remote_next(endpoint: number, out: number): number;
  remote_outgoing(endpoint: number, out: number, capacity: number, now: number): number;
  remote_deadline(endpoint: number): number;
  remote_expire(endpoint: number, now: number): void;
  remote_error_detail(endpoint: number): number;
  remote_code_name(code: number): number;
  remote_code_reconnects(code: number): number;
  remote_client_open(endpoint: number, session: number, epoch: number, offset: number, until: number, publish: number, now: number): number;
  remote_client_close(endpoint: number, handle: number): void;
  remote_client_submit(endpoint: number, handle: number, command: number, bytes: number, ttl: number, id: number, now: number): number;
  remote_client_command(endpoint: number, handle: number, id: number, out: number): number;
  remote_client_pending(endpoint: number, handle: number): number;
  remote_client_position(endpoint: number, handle: number, epoch: number): number;
  remote_client_view(endpoint: number, handle: number): number;
  remote_view_create(): number;
  remote_view_destroy(view: number): void;
  remote_view_clear(view: number): void;
  remote_view_apply(view: number, event: number, bytes: number, how: number): number;
  remote_view_state(view: number, out: number, capacity: number): number;
  remote_view_snapshot(view: number, at: number, out: number, capacity: number): number;
  remote_history_open(endpoint: number, session: number): number;
  remote_history_close(endpoint: number, handle: number): void;
  remote_history_read(endpoint: number, handle: number, epoch: number, before: number, count: number, now: number): number;
  remote_history_cancel(endpoint: number, handle: number): void;
  remote_upload_open(endpoint: number, client: number, id: number, name: number, type: number, total: number, digest: number): number;
  remote_upload_close(endpoint: number, handle: number): void;
  remote_upload_wants(endpoint: number, handle: number, position: number): number;
  remote_upload_give(endpoint: number, handle: number, data: number, bytes: number, now: number): number;
  remote_upload_progress(endpoint: number, handle: number, out: number, now: number): number;
}

/** The module has failed (an assertion of libremote, or a fault of it): what it held cannot be trusted any more. */
export class ModuleError extends Error {
  constructor(cause: unknown) {
    super(`libremote's module has failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = "ModuleError";
  }
}

/** Bytes of the module's memory, and how they are reached. One for each Endpoint. */
export class Module {
  /** Each function throws ModuleError when the module fails in it, and always after that. */
  readonly c: Exports;
  #failed: ModuleError | undefined;
  #encoder = new TextEncoder();
  #decoder = new TextDecoder();

  private constructor(c: Exports) {
    const guarded: Record<string, unknown> = { memory: c.memory };
    for (const [name, value] of Object.entries(c)) {
      if (typeof value !== "function") continue;
      guarded[name] = (...given: number[]): unknown => {
        if (this.#failed) throw this.#failed;
        try {
          return (value as (...given: number[]) => unknown)(...given);
        } catch (error) {
          throw (this.#failed = new ModuleError(error)); // nothing is imported: whatever is thrown comes from inside
        }
      };
    }
    this.c = guarded as unknown as Exports;
  }

  /** What it failed with; undefined: it has not. */
  get failed(): ModuleError | undefined {
    return this.#failed;
  }

  /** An instance of a compiled module. */
  static async instantiate(compiled: WebAssembly.Module): Promise<Module> {
    const instance = await WebAssembly.instantiate(compiled, {});
    const c = instance.exports as unknown as Exports;
    c._initialize();
    return new Module(c);
  }

  /** Reserved memory that holds `bytes`; `free` it. */
  put(bytes: Uint8Array): number {
    const at = this.reserve(bytes.length);
    new Uint8Array(this.c.memory.buffer, at, bytes.length).set(bytes);
    return at;
  }

  reserve(bytes: number): number {
    const at = this.c.remote_alloc(bytes);
    if (at === 0) throw new RangeError(`libremote: no memory for ${bytes} bytes`);
    return at;
  }

  free(address: number): void {
    this.c.remote_free(address);
  }

  /** A terminated string; U+0000 in it would end it early, so it is refused. */
  putText(text: string): number {
    if (text.includes("\0")) throw new RangeError("a text holds U+0000");
    return this.put(this.#encoder.encode(text + "\0"));
  }

  /** A copy of what the module lends. */
  take(address: number, bytes: number): Uint8Array {
    return new Uint8Array(this.c.memory.buffer, address, bytes).slice();
  }

  /** A terminated string that the module lends. */
  takeText(address: number): string {
    if (address === 0) return "";
    const all = new Uint8Array(this.c.memory.buffer);
    return this.#decoder.decode(all.subarray(address, all.indexOf(0, address)));
  }

  view(address: number, bytes: number): DataView {
    return new DataView(this.c.memory.buffer, address, bytes);
  }
}

/** SHA-256 in libremote's own C: pages that came over plain HTTP have no crypto.subtle. */
export function sha256(module: Module, bytes: Uint8Array): Uint8Array {
  const sum = new Sha256(module);
  sum.add(bytes);
  return sum.end();
}

/** SHA-256 of bytes that come in pieces. */
export class Sha256 {
  #module: Module;
  #sum: number;

  constructor(module: Module) {
    this.#module = module;
    this.#sum = module.reserve(module.c.remote_sha256_bytes());
    module.c.remote_sha256_begin(this.#sum);
  }

  add(bytes: Uint8Array): void {
    const piece = 1 << 18;
    for (let at = 0; at < bytes.length; at += piece) {
      const part = bytes.subarray(at, at + piece);
      const address = this.#module.put(part);
      this.#module.c.remote_sha256_add(this.#sum, address, part.length);
      this.#module.free(address);
    }
  }

  /** Another one that goes on from here by itself. */
  copy(): Sha256 {
    const other = new Sha256(this.#module);
    const memory = new Uint8Array(this.#module.c.memory.buffer);
    memory.copyWithin(other.#sum, this.#sum, this.#sum + this.#module.c.remote_sha256_bytes());
    return other;
  }

  /** The digest, 32 bytes; the object is used up. */
  end(): Uint8Array {
    const out = this.#module.reserve(32);
    this.#module.c.remote_sha256_end(this.#sum, out);
    const digest = this.#module.take(out, 32);
    this.#module.free(out);
    this.#module.free(this.#sum);
    return digest;
  }
}
