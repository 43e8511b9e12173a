/**
 * Role CONNECTING: one link with its carrier and its clock, and an owner who does what acts say (conformance/README.md,
 * "Roles"). Time stands still but for advance(); each call ends when nothing more can be done at that time.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { FrameType } from "../../../gen/ts/remote/v1/frame_pb.js";
import { Direction, Log, RequestSchema, Role, Start } from "../../../tools/web/link/src/messages.js";
import { LinkState } from "../../../tools/web/link/src/endpoint.js";
import { unhex } from "../../../tools/web/link/src/session.js";
import { Unsupported } from "./client.js";
import type { Outputs } from "./harness.js";
import type { Json, JsonObject } from "./json.js";
import { RawLink, type RawModule, type Stock } from "./raw.js";
import { eventText } from "./text.js";

const TURNS_MAX = 100_000;
const ERR_TOO_LARGE = -3;
const FLAGS: Record<string, number> = { COMPRESSED: 1, SEALED: 2, SNAPSHOT: 4, CLEARS_TAIL: 8 };

const number = (members: JsonObject, name: string, otherwise = 0): number => Number(members[name] ?? otherwise);

/** A number, or a name of the enum. */
function valueOf(names: Record<string, string | number>, value: Json | undefined, otherwise = 0): number {
  if (value === undefined) return otherwise;
  const found = typeof value === "number" ? value : names[String(value)];
  if (typeof found !== "number") throw new Error(`unknown value ${String(value)}`);
  return found;
}

function flagsOf(value: Json | undefined): number {
  if (!Array.isArray(value)) return Number(value ?? 0);
  return value.reduce<number>((flags, one) => flags | valueOf(FLAGS, one), 0);
}

/** 16 bytes in hex; 16 times `otherwise` when there is none; nothing when it is empty. */
function idOf(value: Json | undefined, otherwise: number): Uint8Array | undefined {
  if (value === undefined) return new Uint8Array(16).fill(otherwise);
  return value === "" ? undefined : unhex(String(value));
}

export class Owner {
  #outputs: Outputs;
  #link: RawLink;
  #now = 1_000_000;
  #carrier = 0;
  #dials = 0;
  #dialling = false;
  #halfOpen = false;
  #room = Infinity;
  #out: Uint8Array[] = []; // written by the link, without room on the carrier
  #stocks: Stock[] = [];

  constructor(raw: RawModule, config: JsonObject, outputs: Outputs) {
    this.#outputs = outputs;
    this.#link = new RawLink(raw, {
      linkId: idOf(config.link_id, 0x22)!, token: String(config.token ?? ""), role: valueOf(Role, config.role, Role.CLIENT),
      generation: number(config, "generation"), channelsMax: number(config, "channels_max"),
      creditWindowBytes: number(config, "credit_window_bytes"), grease: config.grease === true, seed: number(config, "seed", 1),
    });
    this.#turn();
  }

  // ---- the carrier ----

  connected(carrier: number, refused: boolean): void {
    this.#dialling = this.#halfOpen = false;
    this.#room = Infinity;
    this.#out = [];
    if (refused) this.#link.detach(this.#now);
    else {
      this.#carrier = carrier;
      this.#must("attach", this.#link.attach(this.#now));
    }
    this.#turn();
  }
  bytes(carrier: number, data: Uint8Array): void {
    if (this.#carrier === 0 || carrier !== this.#carrier || this.#halfOpen) return;
    this.#must("feed", this.#link.feed(data, this.#now));
    this.#turn();
  }
  cut(carrier: number, halfOpen: boolean): void {
    if (this.#carrier === 0 || carrier !== this.#carrier) return;
    if (halfOpen) this.#halfOpen = true;
    else this.#end();
    this.#turn();
  }
  room(carrier: number, bytes: number): void {
    if (this.#carrier === 0 || carrier !== this.#carrier) return;
    this.#room = bytes;
    this.#turn();
  }

  #end(): void {
    this.#carrier = 0;
    this.#out = [];
    this.#stocks = [];
    this.#link.detach(this.#now);
  }

  // ---- what can be done now ----

  #turn(): void {
    for (let turns = 0; turns < TURNS_MAX; turns++) {
      let moved = this.#tell();
      moved = this.#control() || moved;
      moved = this.#serve() || moved;
      moved = this.#flush() || moved;
      moved = this.#closeWhenDone() || moved;
      moved = this.#dial() || moved;
      if (!moved) return;
    }
    throw new Error("the link does not come to rest");
  }

  #tell(): boolean {
    let any = false;
    for (let event = this.#link.next(); event; event = this.#link.next()) {
      this.#outputs.told("event", eventText(event));
      any = true;
    }
    return any;
  }

  #control(): boolean {
    if (this.#carrier === 0 || this.#out.length > 0) return false;
    const data = this.#link.control();
    if (data) this.#out.push(data);
    return data !== undefined;
  }

  #stockFor(want: { tail: boolean; channel: number; offset: number; index: number }): Stock | undefined {
    const serves = (s: Stock): boolean => {
      if (s.channel !== want.channel || s.tail !== want.tail) return false;
      if (s.tail) return s.offset === want.offset && s.count === want.index;
      return s.offset + s.count > want.offset && (s.offset <= want.offset || s.part === 1);
    };
    return this.#stocks.filter(serves).reduce<Stock | undefined>((found, s) => (found && found.offset <= s.offset ? found : s), undefined);
  }

  #serve(): boolean {
    if (this.#carrier === 0 || this.#out.length > 0) return false;
    for (let tries = this.#link.channels; tries > 0; tries--) {
      const want = this.#link.wanted();
      if (!want) return false;
      const stock = this.#stockFor(want);
      if (!stock) continue;
      const header = this.#link.block(stock.tail ? FrameType.TAIL : FrameType.BLOCK, stock);
      if (header === ERR_TOO_LARGE) return true; // the link has closed the channel
      if (typeof header === "number") throw new Error(`a block that is wanted is not taken (${header})`);
      this.#out.push(header, stock.payload);
      return true;
    }
    return false;
  }

  #flush(): boolean {
    if (this.#carrier === 0 || this.#room === 0 || this.#out.length === 0) return false;
    const all = Uint8Array.from(this.#out.flatMap((piece) => [...piece]));
    const bytes = Math.min(all.length, this.#room);
    if (!this.#halfOpen) this.#outputs.bytes(this.#carrier, all.subarray(0, bytes));
    this.#room -= bytes;
    this.#out = bytes < all.length ? [all.subarray(bytes)] : [];
    return true;
  }

  /** After a goodbye, said or heard, the carrier is closed as soon as all is written. */
  #closeWhenDone(): boolean {
    if (this.#carrier === 0 || this.#link.state !== LinkState.CLOSING || this.#out.length > 0) return false;
    if (this.#control()) return true;
    this.#outputs.closed(this.#carrier);
    this.#end();
    return true;
  }

  #dial(): boolean {
    if (this.#carrier !== 0 || this.#dialling || this.#link.attempt > this.#now) return false;
    this.#dialling = true;
    this.#outputs.dial(++this.#dials);
    return true;
  }

  // ---- time ----

  #due(): number {
    const attempt = this.#carrier === 0 && !this.#dialling ? this.#link.attempt : Infinity;
    return Math.min(this.#link.deadline, attempt);
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (let due = this.#due(); due <= until; due = this.#due()) {
      this.#now = Math.max(this.#now, due);
      this.#link.expire(this.#now);
      this.#turn();
      if (this.#due() <= this.#now) throw new Error("a timer that fired does not move on");
    }
    this.#now = until;
    this.#link.now(until);
  }

  // ---- acts ----

  #must(what: string, result: number): void {
    if (result < 0) throw new Error(`${what} returned ${result}`);
  }

  act(name: string, members: JsonObject): void {
    const done = this.#acts[name];
    if (!done) throw new Unsupported(`no act ${name}`);
    this.#link.now(this.#now);
    this.#must(name, done(members) ?? 0);
    this.#turn();
  }

  #stock(members: JsonObject, tail: boolean): Stock {
    const stock: Stock = {
      channel: number(members, "channel"), tail, offset: number(members, "offset"),
      count: tail ? number(members, "index") : number(members, "count", 1), flags: flagsOf(members.flags),
      part: number(members, "part"), parts: number(members, "parts"), payload: new Uint8Array(number(members, "bytes", 4)),
    };
    this.#stocks.push(stock);
    return stock;
  }

  #acts: Record<string, (members: JsonObject) => number | void> = {
    open: (m) => this.#link.open(idOf(m.session_id, 0x11), m.epoch === undefined ? undefined : idOf(m.epoch, 0), [
      valueOf(Direction, m.direction), valueOf(Log, m.log), valueOf(Start, m.start), number(m, "next"), number(m, "until"),
      number(m, "first_retained"), number(m, "writer_generation"), number(m, "held"),
    ]),
    ack: (m) => this.#link.ack(number(m, "channel"), number(m, "next")),
    consumed: (m) => this.#link.consumed(number(m, "channel"), number(m, "bytes")),
    extend: (m) => this.#link.extend(number(m, "channel"), number(m, "end"), 0, 0),
    block: (m) => {
      const stock = this.#stock(m, false);
      return this.#link.extend(stock.channel, stock.offset + stock.count, 0, 0);
    },
    tail: (m) => {
      const stock = this.#stock(m, true);
      return this.#link.extend(stock.channel, stock.offset, stock.offset, stock.count + 1);
    },
    close: (m) => this.#link.close(number(m, "channel"), number(m, "code"), number(m, "retry_after_ms"), number(m, "offset")),
    goaway: (m) => this.#link.goaway(number(m, "code"), number(m, "retry_after_ms"), number(m, "stored_generation")),
    request: (m) => {
      const id = number(m, "id", 1);
      const request = create(RequestSchema, { id, call: { case: "listSessions", value: {} } });
      return this.#link.request(toBinary(RequestSchema, request), id, this.#now);
    },
    probe: () => this.#link.probe(this.#now),
    watch: (m) => this.#link.watch(m.on !== false, this.#now),
    info: (m) => this.#link.info(number(m, "channel"), infoOf(number(m, "bytes", 4))),
  };
}

/** SessionInfo.activity of so many bytes in all, or, when it must be longer, a field that nobody knows. */
function infoOf(bytes: number): Uint8Array {
  const info = new Uint8Array(bytes).fill(0x69);
  if (bytes < 131) info.set([0x0a, bytes - 2]);
  else info.set([0xfa, 0x01, ((bytes - 4) & 0x7f) | 0x80, (bytes - 4) >> 7]);
  return info;
}
