/**
 * What is kept of one session so that it can be read without a network: chunks, each a state and the raw events behind
 * it. Old chunks go as new ones come, so what is kept is always the session's end, and bounded. No database in here.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { View, type SessionNews } from "@libremote/link";
import { EventSchema, type SessionState } from "@libremote/link/messages";

export interface Chunk {
  /** The state before its first event: the messages of a snapshot set. */
  base: Uint8Array[];
  /** Offset of that state. */
  offset: number;
  /** Offsets of the events, and where each ends in `bytes`. */
  offsets: Float64Array;
  ends: Uint32Array;
  bytes: Uint8Array;
}

interface Open {
  base: Uint8Array[];
  offset: number;
  events: { offset: number; raw: Uint8Array }[];
  bytes: number;
}

export const CHUNK_BYTES_MAX = 384 * 1024;
export const CHUNKS_MAX = 4;

/** Takes a session's news into chunks, each before it is folded. */
export class Recording {
  /** Numbers of the chunks go up for ever; the first that is kept. */
  first = 0;
  #chunks: Open[] = [];
  /** Numbers of chunks that were changed since they were taken last. */
  #changed = new Set<number>();
  #removed = new Set<number>();
  #base: () => Uint8Array[];
  /** Where the state stands, when there is no chunk yet. */
  #offset = 0;
  #fresh = false;

  /** `base`: the state as it is folded at that moment, durable, as a snapshot set. */
  constructor(base: () => Uint8Array[]) {
    this.#base = base;
  }

  /** True: something is to be written. */
  take(news: SessionNews): boolean {
    switch (news.kind) {
      case "snapshot":
      case "reset":
        for (let n = this.first; n < this.first + this.#chunks.length; n++) this.#removed.add(n);
        this.first += this.#chunks.length;
        this.#chunks = [];
        this.#offset = news.offset;
        this.#fresh = true;
        return true;
      case "event":
        this.#add(news.offset, news.raw);
        return true;
      default:
        return false;
    }
  }

  /** What is to be written and removed since the last call. */
  changes(): { write: { number: number; chunk: Chunk }[]; remove: number[] } {
    if (this.#chunks.length === 0 && this.#fresh) this.#begin(this.#offset);
    const write = [...this.#changed].filter((n) => n >= this.first).map((number) => ({ number, chunk: pack(this.#chunks[number - this.first]!) }));
    const remove = [...this.#removed];
    this.#changed.clear();
    this.#removed.clear();
    return { write, remove };
  }

  #begin(offset: number): void {
    this.#chunks.push({ base: this.#base(), offset, events: [], bytes: 0 });
    this.#changed.add(this.first + this.#chunks.length - 1);
    while (this.#chunks.length > CHUNKS_MAX) {
      this.#chunks.shift();
      this.#removed.add(this.first++);
    }
  }

  #add(offset: number, raw: Uint8Array): void {
    const last = this.#chunks[this.#chunks.length - 1];
    if (!last || (last.bytes > 0 && last.bytes + raw.length > CHUNK_BYTES_MAX)) this.#begin(offset);
    const open = this.#chunks[this.#chunks.length - 1]!;
    open.events.push({ offset, raw });
    open.bytes += raw.length;
    this.#changed.add(this.first + this.#chunks.length - 1);
  }
}

/** Few large buffers instead of many small ones: they are written often, and while text streams in. */
function pack(open: Open): Chunk {
  const bytes = new Uint8Array(open.bytes);
  const offsets = new Float64Array(open.events.length);
  const ends = new Uint32Array(open.events.length);
  let at = 0;
  open.events.forEach((event, index) => {
    bytes.set(event.raw, at);
    at += event.raw.length;
    offsets[index] = event.offset;
    ends[index] = at;
  });
  return { base: open.base, offset: open.offset, offsets, ends, bytes };
}

/** The state that a snapshot set holds. */
export function stateOf(base: readonly Uint8Array[]): SessionState {
  const view = new View();
  base.forEach((raw, index) => view.apply(fromBinary(EventSchema, raw), index === 0));
  return view.state;
}

const isChunk = (value: unknown): value is Chunk =>
  typeof value === "object" && value !== null && "base" in value && Array.isArray(value.base) && "offset" in value && typeof value.offset === "number"
  && "offsets" in value && value.offsets instanceof Float64Array && "ends" in value && value.ends instanceof Uint32Array
  && "bytes" in value && value.bytes instanceof Uint8Array && value.ends.length === value.offsets.length;

/** Kept chunks, one behind the other, as the news that a session would have told; what cannot be read ends it. */
export function replay(chunks: readonly unknown[]): SessionNews[] {
  const news: SessionNews[] = [];
  try {
    for (const chunk of chunks) {
      if (!isChunk(chunk)) break;
      if (news.length === 0) news.push({ kind: "snapshot", offset: chunk.offset, state: stateOf(chunk.base) });
      let at = 0;
      for (const [index, offset] of chunk.offsets.entries()) {
        const raw = chunk.bytes.subarray(at, chunk.ends[index]);
        at = chunk.ends[index]!;
        news.push({ kind: "event", offset, event: fromBinary(EventSchema, raw), raw });
      }
    }
  } catch {
    // another layout, or damaged: what came before it still counts
  }
  return news;
}
