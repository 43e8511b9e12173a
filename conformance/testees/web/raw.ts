/** What raw.c exports beside the module of pages, as objects. */
import { Module, type Exports } from "../../../tools/web/link/src/module.js";

interface RawExports extends Exports {
  remote_raw_frame(data: number, bytes: number, payloadMax: number, out: number): number;
  remote_raw_judge(type: number, message: number, bytes: number): number;
  remote_raw_create(linkId: number, token: number, numbers: number): number;
  remote_raw_now(link: number, now: number): void;
  remote_raw_next(link: number, out: number): number;
  remote_raw_open(link: number, sessionId: number, epoch: number, numbers: number): number;
  remote_raw_ack(link: number, channel: number, next: number): number;
  remote_raw_consumed(link: number, channel: number, bytes: number): number;
  remote_raw_extend(link: number, channel: number, end: number, tailOffset: number, tailCount: number): number;
  remote_raw_close(link: number, channel: number, code: number, retryAfterMs: number, offset: number): number;
  remote_raw_goaway(link: number, code: number, retryAfterMs: number, generation: number): number;
  remote_raw_info(link: number, channel: number, info: number, bytes: number): number;
  remote_raw_control(link: number, out: number, capacity: number): number;
  remote_raw_channels(link: number): number;
  remote_raw_wanted(link: number, out: number): number;
  remote_raw_block(link: number, channel: number, numbers: number, payload: number, header: number): number;
}

const OUT_BYTES = 64 * 1024;
const SMALL_BYTES = 128;

/** A codec's answer about the front of some bytes. */
export interface RawFrame {
  type: number;
  channel: number;
  offset: number;
  credit: number;
  count: number;
  payload: Uint8Array;
}

export interface RawEvent {
  type: number;
  channel: number;
  offset: number;
  count: number;
  skip: number;
  problem: { code: number; retryAfterMs: number; storedGeneration: number } | undefined;
  opened: { next: number; watermark: number; outcome: number };
}

export interface Stock {
  channel: number;
  tail: boolean;
  offset: number;
  count: number;
  flags: number;
  part: number;
  parts: number;
  payload: Uint8Array;
}

export class RawModule {
  readonly module: Module;
  readonly c: RawExports;
  readonly small: number;
  readonly out: number;

  private constructor(module: Module) {
    this.module = module;
    this.c = module.c as RawExports;
    this.small = module.reserve(SMALL_BYTES);
    this.out = module.reserve(OUT_BYTES);
  }
  static async instantiate(compiled: WebAssembly.Module): Promise<RawModule> {
    return new RawModule(await Module.instantiate(compiled));
  }

  with<T>(bytes: Uint8Array | undefined, use: (address: number) => T): T {
    if (!bytes) return use(0);
    const address = this.module.put(bytes);
    try {
      return use(address);
    } finally {
      this.module.free(address);
    }
  }
  withNumbers<T>(numbers: number[], use: (address: number) => T): T {
    return this.with(new Uint8Array(Float64Array.from(numbers).buffer), use);
  }

  /** The frame that `data` begins with; `consumed` 0: more is needed; below 0: a fault, of a limit or not. */
  frame(data: Uint8Array, payloadMax: number): { consumed: number; limit: boolean; frame: RawFrame | undefined } {
    return this.with(data, (at) => {
      const consumed = this.c.remote_raw_frame(at, data.length, payloadMax, this.small);
      const view = this.module.view(this.small, SMALL_BYTES);
      const word = (place: number) => view.getUint32(place, true);
      if (consumed <= 0) return { consumed, limit: word(60) !== 0, frame: undefined };
      const frame = {
        type: word(0), channel: word(4), offset: view.getFloat64(8, true), credit: view.getFloat64(16, true), count: word(24),
        payload: this.module.take(word(32), word(36)),
      };
      return { consumed, limit: false, frame };
    });
  }

  /** Does the module take this message? undefined: it has no such type. */
  takes(type: string, message: Uint8Array): boolean | undefined {
    const name = this.module.putText(type);
    const result = this.with(message, (at) => this.c.remote_raw_judge(name, at, message.length));
    this.module.free(name);
    return result < 0 ? undefined : result === 1;
  }
}

export interface RawConfig {
  linkId: Uint8Array;
  token: string;
  role: number;
  generation: number;
  channelsMax: number;
  creditWindowBytes: number;
  grease: boolean;
  seed: number;
}

/** A connecting link alone. What returns a number returns an LRM_ERR_…, or 0. */
export class RawLink {
  #raw: RawModule;
  #c: RawExports;
  #at: number;

  constructor(raw: RawModule, config: RawConfig) {
    this.#raw = raw;
    this.#c = raw.c;
    const token = raw.module.putText(config.token);
    const numbers = [config.role, config.generation, config.channelsMax, config.creditWindowBytes, config.grease ? 1 : 0, config.seed];
    this.#at = raw.with(config.linkId, (id) => raw.withNumbers(numbers, (at) => this.#c.remote_raw_create(id, token, at)));
    raw.module.free(token);
    if (this.#at === 0) throw new Error("the link cannot be made");
  }

  get state(): number {
    return this.#c.remote_state(this.#at);
  }
  get attempt(): number {
    return this.#c.remote_attempt(this.#at);
  }
  get deadline(): number {
    return this.#c.remote_deadline(this.#at);
  }
  get channels(): number {
    return this.#c.remote_raw_channels(this.#at);
  }
  /** What follows happens at this time. */
  now(now: number): void {
    this.#c.remote_raw_now(this.#at, now);
  }
  attach(now: number): number {
    return this.#c.remote_attach(this.#at, now);
  }
  detach(now: number): void {
    this.#c.remote_detach(this.#at, now);
  }
  probe(now: number): void {
    this.#c.remote_probe(this.#at, now);
  }
  watch(on: boolean, now: number): void {
    this.#c.remote_watch(this.#at, on ? 1 : 0, now);
  }
  expire(now: number): void {
    this.#c.remote_expire(this.#at, now);
  }
  feed(bytes: Uint8Array, now: number): number {
    return this.#raw.with(bytes, (at) => this.#c.remote_feed(this.#at, at, bytes.length, now));
  }
  request(request: Uint8Array, id: number, now: number): number {
    return this.#raw.with(request, (at) => this.#c.remote_request(this.#at, at, request.length, id, now));
  }

  next(): RawEvent | undefined {
    const { module, small } = this.#raw;
    if (this.#c.remote_raw_next(this.#at, small) === 0) return undefined;
    const view = module.view(small, SMALL_BYTES);
    const word = (place: number) => view.getUint32(place, true);
    const number = (place: number) => view.getFloat64(place, true);
    return {
      type: word(0), channel: word(4), offset: number(8), count: word(16), skip: word(20),
      problem: word(24) === 0 ? undefined : { code: word(28), retryAfterMs: number(32), storedGeneration: number(40) },
      opened: { next: number(48), watermark: number(56), outcome: word(64) },
    };
  }

  open(sessionId: Uint8Array | undefined, epoch: Uint8Array | undefined, numbers: number[]): number {
    return this.#raw.with(sessionId, (id) => this.#raw.with(epoch, (of) =>
      this.#raw.withNumbers(numbers, (at) => this.#c.remote_raw_open(this.#at, id, of, at))));
  }
  ack(channel: number, next: number): number {
    return this.#c.remote_raw_ack(this.#at, channel, next);
  }
  consumed(channel: number, bytes: number): number {
    return this.#c.remote_raw_consumed(this.#at, channel, bytes);
  }
  extend(channel: number, end: number, tailOffset: number, tailCount: number): number {
    return this.#c.remote_raw_extend(this.#at, channel, end, tailOffset, tailCount);
  }
  close(channel: number, code: number, retryAfterMs: number, offset: number): number {
    return this.#c.remote_raw_close(this.#at, channel, code, retryAfterMs, offset);
  }
  goaway(code: number, retryAfterMs: number, generation: number): number {
    return this.#c.remote_raw_goaway(this.#at, code, retryAfterMs, generation);
  }
  info(channel: number, info: Uint8Array): number {
    return this.#raw.with(info, (at) => this.#c.remote_raw_info(this.#at, channel, at, info.length));
  }

  /** Control frames that are due. undefined: none. */
  control(): Uint8Array | undefined {
    const { module, out } = this.#raw;
    const bytes = this.#c.remote_raw_control(this.#at, out, OUT_BYTES);
    if (bytes < 0) throw new Error(`outgoing writes nothing (${bytes})`);
    return bytes === 0 ? undefined : module.take(out, bytes);
  }
  wanted(): { tail: boolean; channel: number; offset: number; index: number } | undefined {
    const { module, small } = this.#raw;
    if (this.#c.remote_raw_wanted(this.#at, small) === 0) return undefined;
    const view = module.view(small, 32);
    const number = (index: number) => view.getFloat64(8 * index, true);
    return { tail: number(0) === 2, channel: number(1), offset: number(2), index: number(3) };
  }
  /** The header of what is wanted, or an error. */
  block(type: number, stock: Stock): Uint8Array | number {
    const { module, out } = this.#raw;
    const numbers = [type, stock.offset, stock.count, stock.flags, stock.part, stock.parts, stock.payload.length];
    const bytes = this.#raw.with(stock.payload, (payload) =>
      this.#raw.withNumbers(numbers, (at) => this.#c.remote_raw_block(this.#at, stock.channel, at, payload, out)));
    return bytes < 0 ? bytes : module.take(out, bytes);
  }
}
