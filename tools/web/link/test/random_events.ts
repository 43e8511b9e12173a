/**
 * Events made by a seed, led by the schema and its limits (proto/remote/v1/*.options): what a host would send, what none
 * would, and what lies close to the limits.
 */
import { readFileSync } from "node:fs";
import { create, ScalarType, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { DiffSchema, EventSchema, PermissionAskSchema, type Event, type SessionState } from "../src/messages.js";

/** mulberry32. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  }
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }
  chance(p: number): boolean {
    return this.next() < p;
  }
}

/** Of fields, "Message.field": most bytes or elements. */
const limits = new Map<string, number>();
for (const file of ["ask", "command", "event", "link", "session"]) {
  const text = readFileSync(new URL(`../../../../proto/remote/v1/${file}.options`, import.meta.url), "utf8");
  for (const [, field, what, most] of text.matchAll(/^remote\.v1\.(\S+) .*?(max_length|max_size|max_count):(\d+)/gm))
    limits.set(`${field} ${what}`, Number(most));
}
const limitOf = (field: DescField, what: string): number => limits.get(`${field.parent.name}.${field.name} ${what}`) ?? 64;

const LETTERS = ["a", "b", " ", "\n", "é", "ß", "漢", "字", "€", "🙂", "𝄞", "\u{10ffff}", "\u0301", "\x7f", "\u0080"];
const LONG_IDS = ["x".repeat(127), "漢".repeat(42)];

export interface Appetite {
  /** Chance that a text is as long as it may be. */
  long: number;
  /** Chance that a field is there. */
  full: number;
  /** How many different ids there are. */
  ids: number;
}

export class Events {
  #random: Random;
  #appetite: Appetite;

  constructor(random: Random, appetite: Appetite) {
    this.#random = random;
    this.#appetite = appetite;
  }

  /** UTF-8 of at most `most` bytes. */
  #text(most: number): string {
    const r = this.#random;
    const bytes = r.chance(this.#appetite.long) ? most - r.below(Math.min(most, 9)) : r.below(Math.min(most, r.chance(0.2) ? 300 : 24) + 1);
    const letters = r.chance(0.4) ? LETTERS : [r.one(LETTERS)];
    let text = "", left = bytes;
    const chunk = r.one(letters) + r.one(letters) + r.one(letters);
    const chunkBytes = Buffer.byteLength(chunk);
    while (left > 64 && chunkBytes <= left) { // long ones repeat a little, so that they are made quickly
      const times = Math.max(1, Math.floor((left - 64) / chunkBytes / 2));
      text += chunk.repeat(times);
      left -= chunkBytes * times;
    }
    for (let tries = 0; tries < 40 && left > 0; tries++) {
      const letter = r.one(letters);
      const size = Buffer.byteLength(letter);
      if (size > left) continue;
      text += letter;
      left -= size;
    }
    return text;
  }

  #id(): string {
    const r = this.#random;
    return r.chance(0.05) ? "" : r.chance(0.02) ? r.one(LONG_IDS) : `é${r.below(this.#appetite.ids)}`;
  }

  /** A value of an unknown field: its length, and that much. */
  #large(): Uint8Array {
    const bytes = 128 + this.#random.below(1000);
    return Uint8Array.of(0x80 | (bytes & 0x7f), bytes >> 7, ...new Uint8Array(bytes));
  }

  #bytes(field: DescField, most: number): Uint8Array {
    const r = this.#random;
    if (/(^|_)(ask|command)_ids?$/.test(field.name)) {
      const id = new Uint8Array(r.chance(0.02) ? r.below(16) : 16);
      id.fill(7).set([r.below(this.#appetite.ids) & 255, r.below(this.#appetite.ids) >> 8].slice(0, id.length));
      return id;
    }
    if (r.chance(0.6)) return new Uint8Array(Buffer.from(this.#text(most)));
    const bytes = new Uint8Array(r.chance(this.#appetite.long) ? most - r.below(8) : r.below(200));
    for (let i = 0; i < Math.min(bytes.length, 64); i++) bytes[i] = bytes[bytes.length - 1 - i] = r.below(256);
    return bytes.subarray(0, most);
  }

  #number(most: bigint): bigint {
    const r = this.#random;
    const wide = BigInt(r.below(0x40000000)) * BigInt(r.below(0x40000000)) * 16n + BigInt(r.below(16));
    return r.one([0n, 1n, BigInt(r.below(100)), BigInt(r.below(100000)), (1n << 53n) - 1n, 1n << 53n, most, wide]) & most;
  }

  #value(field: DescField, depth: number): unknown {
    const r = this.#random;
    if (field.message) return this.#fill(field.message, depth + 1);
    if (field.enum) return r.chance(0.05) ? 1000 : r.one(field.enum.values).number;
    switch (field.scalar) {
      case ScalarType.STRING:
        if (/_id$|^subagents$/.test(field.name) && r.chance(0.9)) return this.#id();
        return this.#text(limitOf(field, "max_length"));
      case ScalarType.BYTES: return this.#bytes(field, limitOf(field, "max_size"));
      case ScalarType.BOOL: return r.chance(0.5);
      case ScalarType.UINT64: return this.#number((1n << 64n) - 1n);
      case ScalarType.INT64: return this.#number((1n << 63n) - 1n);
      default: return Number(this.#number((1n << 31n) - 1n));
    }
  }

  /** A message with any of its fields. */
  #fill<D extends DescMessage>(desc: D, depth: number): Message {
    const r = this.#random;
    const message = create(desc) as unknown as Record<string, unknown>;
    for (const oneof of desc.oneofs)
      if (r.chance(0.95)) {
        const field = r.one(oneof.fields);
        message[oneof.localName] = { case: field.localName, value: this.#value(field, depth) };
      }
    for (const field of desc.fields) {
      const wanted = /_id$/.test(field.name) ? 0.9 : this.#appetite.full;
      if (field.oneof || !r.chance(field.fieldKind === "list" ? wanted * 0.7 : wanted)) continue;
      if (field.fieldKind === "list") {
        const most = limitOf(field, "max_count");
        const count = r.chance(0.02) ? Math.min(most, 70) : r.below(Math.min(most, 4));
        message[field.localName] = Array.from({ length: count }, () => this.#value(field, depth));
      } else {
        message[field.localName] = this.#value(field, depth);
      }
    }
    if (r.chance(0.03)) message.$unknown = [{ no: 900, wireType: 2, data: r.chance(0.9) ? Uint8Array.of(3, 1, 2, 3) : this.#large() }];
    return message as unknown as Message;
  }

  /** Any event; most go on where `state` is. */
  event(state: SessionState, bodies: readonly string[]): Event {
    const r = this.#random;
    const event = this.#fill(EventSchema, 0) as Event;
    const field = EventSchema.field[r.one(bodies) as "notice"];
    event.body = { case: field.localName, value: this.#value(field, 1) } as Event["body"];
    if (this.#appetite.long > 0.2) this.#largeAsk(event.body);
    this.#goOn(event, state);
    return event;
  }

  /** An ask whose encoded length is close to where it no longer fits beside anything. */
  #largeAsk(body: Event["body"]): void {
    const r = this.#random;
    if (body.case !== "askOpened" || !body.value.ask || !r.chance(0.5)) return;
    const diffs = Array.from({ length: 3 }, () => create(DiffSchema, { oldText: "o".repeat(32768), newText: "n".repeat(r.one([30000, 31300, 32768])) }));
    body.value.ask.kind = { case: "permission", value: create(PermissionAskSchema, { diffs, command: this.#text(16384) }) };
    body.value.ask.why = "w".repeat(r.below(4096));
  }

  /** Positions near those that count. */
  #near(position: bigint): bigint {
    const r = this.#random;
    if (r.chance(0.6)) return position;
    const moved = position + BigInt(r.below(7) - 3);
    return r.chance(0.7) ? (moved < 0n ? 0n : moved) : r.chance(0.5) ? 0n : BigInt(r.below(70000));
  }

  #goOn({ body }: Event, state: SessionState): void {
    if (this.#random.chance(0.1)) return;
    switch (body.case) {
      case "assistantDelta":
      case "thoughtDelta":
      case "assistantMessage":
      case "thought": {
        const kind = body.case === "assistantDelta" || body.case === "assistantMessage" ? "assistant" : "thought";
        let end = 0n;
        for (const { item } of state.history)
          if (item.case === kind && item.value.messageId === body.value.messageId)
            end = item.value.position + BigInt(Buffer.byteLength(item.value.text));
        body.value.position = BigInt.asUintN(64, this.#near(end));
        break;
      }
      case "toolOutput": {
        const { toolCallId, stream } = body.value;
        const tool = state.tools.find((have) => have.toolCallId === toolCallId);
        const before = tool ? tool.outputPosition + BigInt(tool.output.length) - tool.stdoutBytes - tool.stderrBytes : 0n;
        body.value.position = BigInt.asUintN(64, this.#near(!tool ? 0n : stream === 1 ? tool.stdoutBytes : stream === 2 ? tool.stderrBytes : before));
        break;
      }
    }
  }
}

const ALL = EventSchema.fields.filter((field) => field.oneof).map((field) => field.localName);
const STREAMS = ["assistantDelta", "thoughtDelta", "assistantMessage", "thought", "turnEnded", "userMessage", "historyRewound"];
const TOOLS = ["toolStarted", "toolUpdated", "toolOutput", "toolOutput", "toolEnded", "toolAuthorized"];
const OPEN = ["askOpened", "askOpened", "askResolved", "commandOutcome", "subagentStarted", "subagentEnded", "queueChanged"];
export const TAILS = ["assistantDelta", "thoughtDelta", "toolOutput", "usageUpdated", "assistantDelta", "toolOutput", "notice", "sessionState"];

/** What a sequence is made of. */
export const MIXES: readonly (readonly string[])[] = [
  ALL.filter((body) => body !== "sessionState"), ALL, STREAMS, STREAMS, [...TOOLS, "toolStarted"], TOOLS, [...STREAMS, ...TOOLS], OPEN,
  ["toolStarted"], ["toolStarted", "toolOutput", "toolOutput", "toolOutput", "toolEnded"], ["askOpened"], ["commandOutcome"], ["subagentStarted"],
  ["userMessage", "assistantMessage", "notice"], ["statusChanged"],
];
