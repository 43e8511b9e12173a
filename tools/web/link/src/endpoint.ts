/**
 * One endpoint of the module, as an object: no sockets, no clock, no messages. Bytes and `now` in, bytes and events
 * out, as libremote/include/remote/link.h and client.h say it; wasm/endpoint.h has the turn of a driver.
 */
import type { Module } from "./module.js";
import { ModuleView } from "./module_view.js";

/** lrm_link_event_type, as far as they come out here. */
export const LinkEvent = { WELCOME: 2, REFUSED: 3, GOAWAY: 4, GOAWAY_SENT: 5, REPLY: 17, HEARD: 18, SILENT: 19 } as const;
/** lrm_client_event_type. */
export const ClientEvent = {
  EVENT: 1, TAIL: 2, SNAPSHOT: 3, SYNCED: 4, STATUS: 5, COMMAND: 6, CLOSED: 7, INFO: 8, DONE: 9, TAIL_CLEARED: 10,
} as const;
/** lrm_history_event_type. */
export const HistoryEvent = { EVENT: 1, PASSED: 2, DONE: 3, FAILED: 4 } as const;
/** lrm_link_state. */
export const LinkState = { DOWN: 0, GREETING: 1, LIVE: 3, CLOSING: 4, DEAD: 5 } as const;
/** lrm_command_state. */
export const CommandState = { COMPOSED: 1, SENT: 2, STORED: 3, DELIVERED: 4, DONE: 5 } as const;
/** lrm_upload_state. */
export const UploadState = { RUNNING: 1, SENT: 2, DONE: 3, FAILED: 4, CHANGED: 5, CANCELLED: 6 } as const;
/** endpoint_event.flags. */
export const EventFlag = { RESET: 1, UNREADABLE: 2, FIRST: 4, TRIMMED: 8 } as const;

/** remote/error.h, as far as callers meet them. */
export const ErrorCode = { USAGE: -1, STATE: -2, TOO_LARGE: -3, NOT_FOUND: -4, BUSY: -10, LIMIT: -31, DECODE: -32, NO_MEMORY: -50 } as const;

const WORDS: Readonly<Record<number, string>> = {
  [ErrorCode.USAGE]: "wrong use of the interface",
  [ErrorCode.STATE]: "not possible in this state",
  [ErrorCode.TOO_LARGE]: "larger than the limit",
  [ErrorCode.NOT_FOUND]: "not found, or closed",
  [ErrorCode.BUSY]: "no room now; try again later",
  [ErrorCode.LIMIT]: "over a limit",
  [ErrorCode.DECODE]: "a message cannot be decoded",
  [ErrorCode.NO_MEMORY]: "out of memory",
};

/** What the library refuses. */
export class LinkError extends Error {
  /** LRM_ERR_…: ErrorCode. */
  readonly code: number;
  constructor(what: string, code: number) {
    super(`${what}: ${WORDS[code] ?? `error ${code}`}`);
    this.name = "LinkError";
    this.code = code;
  }
}

/** One event of the link (source 0), or of the session or history whose handle is `source`. */
export interface EndpointEvent {
  source: number;
  type: number;
  offset: number;
  /** HistoryEvent.PASSED: how many offsets. */
  count: number;
  flags: number;
  /** The encoded message that it brings; empty: none. A copy. */
  data: Uint8Array;
  /** A command id, or an epoch. */
  id: Uint8Array;
}

/** Where a command of this endpoint stands. */
export interface CommandFacts {
  state: number;
  /** CommandOutcomeKind; 0: none yet. */
  outcome: number;
  code: number;
  layer: number;
  reason: string;
}

export interface Position {
  /** 16 bytes; zeros: none yet. */
  epoch: Uint8Array;
  offset: number;
}

export interface UploadProgress {
  state: number;
  given: number;
  stored: number;
  done: number;
  outcome: number;
  code: number;
  reason: string;
}

const EVENT_BYTES = 48;
const OUTGOING_BYTES = 512 * 1024;

export class Endpoint {
  readonly module: Module;
  #c: Module["c"];
  #at: number;
  #event: number;
  #out: number;
  #small: number; // 64 bytes for ids and results

  /** `random`: 32 bytes of entropy. `token` empty: not signed in, or signed in by the carrier itself. */
  constructor(module: Module, options: { random: Uint8Array; token?: string; agent: string; grease?: boolean }) {
    if (options.random.length !== 32) throw new RangeError("random: 32 bytes");
    this.module = module;
    this.#c = module.c;
    const random = module.put(options.random);
    const token = module.putText(options.token ?? "");
    const agent = module.putText(options.agent);
    this.#at = this.#c.remote_create(random, token, agent, options.grease ? 1 : 0);
    for (const address of [random, token, agent]) module.free(address);
    if (this.#at === 0) throw new RangeError("the token or the agent's name is too long, or there is no memory");
    this.#event = module.reserve(EVENT_BYTES);
    this.#out = module.reserve(OUTGOING_BYTES);
    this.#small = module.reserve(64);
  }

  /** Afterwards questions are answered as by an endpoint that is dead and holds nothing, and acts throw LinkError. */
  destroy(): void {
    if (!this.#usable) return;
    this.#c.remote_destroy(this.#at);
    for (const address of [this.#event, this.#out, this.#small]) this.module.free(address);
    this.#at = 0;
  }

  get #usable(): boolean {
    return this.#at !== 0 && !this.module.failed;
  }
  /** For what must not be asked of an endpoint that is gone: address 0 is memory like any other. */
  get #e(): number {
    if (this.module.failed) throw this.module.failed;
    if (this.#at === 0) throw new LinkError("the connection has ended", ErrorCode.STATE);
    return this.#at;
  }

  #with<T>(bytes: Uint8Array, use: (address: number) => T): T {
    const address = this.module.put(bytes);
    try {
      return use(address);
    } finally {
      this.module.free(address);
    }
  }

  #must(what: string, result: number): void {
    if (result < 0) throw new LinkError(what, result);
  }

  // ---- the link ----

  get state(): number {
    return this.#usable ? this.#c.remote_state(this.#e) : LinkState.DEAD;
  }
  get generation(): number {
    return this.#usable ? this.#c.remote_generation(this.#e) : 0;
  }
  /** ms of `now`; 0: never. */
  get heard(): number {
    return this.#usable ? this.#c.remote_heard(this.#e) : 0;
  }
  /** When the next attempt is due, ms of `now`; Infinity: not DOWN. */
  get attempt(): number {
    return this.#usable ? this.#c.remote_attempt(this.#e) : Infinity;
  }
  get errorDetail(): string {
    return this.#usable ? this.module.takeText(this.#c.remote_error_detail(this.#e)) : "";
  }

  setToken(token: string, now: number): void {
    const e = this.#e;
    const address = this.module.putText(token);
    const result = this.#c.remote_set_token(e, address, now);
    this.module.free(address);
    this.#must("token", result);
  }
  attach(now: number): void {
    this.#must("attach", this.#c.remote_attach(this.#e, now));
  }
  detach(now: number): void {
    this.#c.remote_detach(this.#e, now);
  }
  probe(now: number): void {
    this.#c.remote_probe(this.#e, now);
  }
  watch(on: boolean, now: number): void {
    this.#c.remote_watch(this.#e, on ? 1 : 0, now);
  }
  goaway(code: number, now: number): void {
    this.#c.remote_goaway(this.#e, code, now);
  }
  /** An encoded Request. ErrorCode.BUSY: 16 are open; STATE: no carrier. */
  request(request: Uint8Array, id: number, now: number): number {
    if (!this.#usable) return ErrorCode.STATE;
    return this.#with(request, (at) => this.#c.remote_request(this.#e, at, request.length, id, now));
  }

  /** Bytes of the carrier; then next() until it says undefined. */
  feed(bytes: Uint8Array, now: number): void {
    this.#must("feed", this.#with(bytes, (at) => this.#c.remote_feed(this.#e, at, bytes.length, now)));
  }

  next(): EndpointEvent | undefined {
    if (!this.#usable || this.#c.remote_next(this.#e, this.#event) === 0) return undefined;
    const view = this.module.view(this.#event, EVENT_BYTES);
    return {
      source: view.getUint32(0, true),
      type: view.getUint32(4, true),
      offset: view.getFloat64(8, true),
      count: view.getUint32(16, true),
      flags: view.getUint32(20, true),
      data: this.module.take(view.getUint32(24, true), view.getUint32(28, true)),
      id: this.module.take(this.#event + 32, 16),
    };
  }

  /** The next piece to send: whole frames, one Batch. undefined: nothing now. */
  outgoing(now: number): Uint8Array | undefined {
    if (!this.#usable) return undefined;
    const bytes = this.#c.remote_outgoing(this.#e, this.#out, OUTGOING_BYTES, now);
    return bytes === 0 ? undefined : this.module.take(this.#out, bytes);
  }

  /** When expire() has something to do, ms of `now`; Infinity: never. */
  get deadline(): number {
    return this.#usable ? this.#c.remote_deadline(this.#e) : Infinity;
  }
  expire(now: number): void {
    this.#c.remote_expire(this.#e, now);
  }

  codeName(code: number): string {
    return this.#usable ? this.module.takeText(this.#c.remote_code_name(code)) : "";
  }
  codeReconnects(code: number): boolean {
    return this.#usable ? this.#c.remote_code_reconnects(code) !== 0 : false;
  }

  // ---- sessions ----

  /** Follows a session; its events come from next() under the handle. `from` absent: from a snapshot. */
  openClient(sessionId: Uint8Array, options: { from?: Position; until?: number; publish?: boolean }, now: number): number {
    if (sessionId.length !== 16 || (options.from && options.from.epoch.length !== 16)) throw new RangeError("an id has 16 bytes");
    const e = this.#e;
    const session = this.module.put(sessionId);
    const epoch = options.from ? this.module.put(options.from.epoch) : 0;
    const handle = this.#c.remote_client_open(e, session, epoch, options.from?.offset ?? 0, options.until ?? 0,
      options.publish === false ? 0 : 1, now);
    this.module.free(session);
    if (epoch !== 0) this.module.free(epoch);
    if (handle === 0) throw new LinkError("too many sessions at a time, or not a session id", ErrorCode.BUSY);
    return handle;
  }
  closeClient(handle: number): void {
    if (this.#usable) this.#c.remote_client_close(this.#e, handle);
  }
  /** An encoded Command. Returns its id (16 bytes); throws LinkError: BUSY (64 have no outcome), STATE (no epoch yet). */
  submit(handle: number, command: Uint8Array, ttlMs: number, now: number): Uint8Array {
    const result = this.#with(command, (at) =>
      this.#c.remote_client_submit(this.#e, handle, at, command.length, ttlMs, this.#small, now));
    this.#must("submit", result);
    return this.module.take(this.#small, 16);
  }
  command(handle: number, id: Uint8Array): CommandFacts | undefined {
    if (!this.#usable || id.length !== 16) return undefined;
    const result = this.#with(id, (at) => this.#c.remote_client_command(this.#e, handle, at, this.#small));
    if (result < 0) return undefined;
    const view = this.module.view(this.#small, 20);
    const word = (index: number) => view.getUint32(4 * index, true);
    return { state: word(0), outcome: word(1), code: word(2), layer: word(3), reason: this.module.takeText(word(4)) };
  }
  pending(handle: number): number {
    return this.#usable ? this.#c.remote_client_pending(this.#e, handle) : 0;
  }
  position(handle: number): Position {
    if (!this.#usable) return { epoch: new Uint8Array(16), offset: 0 };
    const offset = this.#c.remote_client_position(this.#e, handle, this.#small);
    return { epoch: this.module.take(this.#small, 16), offset };
  }
  /** libremote's own view of the session, good until the next call that changes it. */
  clientView(handle: number): ModuleView {
    const view = this.#c.remote_client_view(this.#e, handle);
    if (view === 0) throw new LinkError("view", ErrorCode.NOT_FOUND);
    return new ModuleView(this.module, view);
  }

  // ---- history ----

  openHistory(sessionId: Uint8Array): number {
    if (sessionId.length !== 16) throw new RangeError("an id has 16 bytes");
    const handle = this.#with(sessionId, (at) => this.#c.remote_history_open(this.#e, at));
    if (handle === 0) throw new LinkError("too many histories at a time", ErrorCode.BUSY);
    return handle;
  }
  closeHistory(handle: number): void {
    if (this.#usable) this.#c.remote_history_close(this.#e, handle);
  }
  /** The page of at most `count` offsets that ends before `before`. */
  readHistory(handle: number, before: Position, count: number, now: number): void {
    if (before.epoch.length !== 16) throw new RangeError("an epoch has 16 bytes");
    this.#must("history", this.#with(before.epoch, (at) =>
      this.#c.remote_history_read(this.#e, handle, at, before.offset, count, now)));
  }
  cancelHistory(handle: number): void {
    if (this.#usable) this.#c.remote_history_cancel(this.#e, handle);
  }

  // ---- uploads ----

  openUpload(client: number, id: Uint8Array, name: string, mediaType: string, total: number, digest: Uint8Array): number {
    const e = this.#e;
    const addresses = [this.module.put(id), this.module.putText(name), this.module.putText(mediaType), this.module.put(digest)];
    const handle = this.#c.remote_upload_open(e, client, addresses[0]!, addresses[1]!, addresses[2]!, total, addresses[3]!);
    for (const address of addresses) this.module.free(address);
    if (handle === 0) throw new LinkError("the attachment is empty, too large, or its name is too long", ErrorCode.TOO_LARGE);
    return handle;
  }
  closeUpload(handle: number): void {
    if (this.#usable) this.#c.remote_upload_close(this.#e, handle);
  }
  uploadWants(handle: number): { position: number; bytes: number } | undefined {
    if (!this.#usable) return undefined;
    const bytes = this.#c.remote_upload_wants(this.#e, handle, this.#small);
    return bytes === 0 ? undefined : { position: this.module.view(this.#small, 8).getFloat64(0, true), bytes };
  }
  /** 0, or an ErrorCode; BUSY and STATE: later. */
  giveUpload(handle: number, bytes: Uint8Array, now: number): number {
    return this.#with(bytes, (at) => this.#c.remote_upload_give(this.#e, handle, at, bytes.length, now));
  }
  uploadProgress(handle: number, now: number): UploadProgress | undefined {
    if (!this.#usable) return undefined;
    if (this.#c.remote_upload_progress(this.#e, handle, this.#small, now) < 0) return undefined;
    const view = this.module.view(this.#small, 56);
    const number = (index: number) => view.getFloat64(8 * index, true);
    return {
      state: number(0), given: number(1), stored: number(2), done: number(3), outcome: number(4), code: number(5),
      reason: this.module.takeText(number(6)),
    };
  }
}
