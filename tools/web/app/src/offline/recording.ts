/**
 * What is kept of one session so that it can be read without a network: chunks, each a state and the raw events behind
 * it. Old chunks go as new ones come, so what is kept is always the session's end, and bounded. No database in here.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { View, type SessionNews } from "@libremote/link";
import { EventSchema, type SessionState } from "@libremote/link/messages";

export interface KeptEvent {
  offset: number;
  raw: Uint8Array;
}

export interface Chunk {
  /** The state before its first event: the messages of a snapshot set. */
  base: Uint8Array[];
  /** Where that state stands. */
  offset: number;
  events: KeptEvent[];
}

export const CHUNK_BYTES_MAX = 384 * 1024;
export const CHUNKS_MAX = 4;

/** Folds a session's news into chunks. */
export class Recording {
  /** Numbers of the chunks go up for ever; the first that is kept. */
  first = 0;
  chunks: Chunk[] = [];
  /** Numbers of chunks that were changed since they were taken last. */
  #changed = new Set<number>();
  #removed = new Set<number>();
  #view = new View();
  #bytes = 0;

  /** True: something is to be written. */
  take(news: SessionNews): boolean {
    switch (news.kind) {
      case "snapshot":
        this.#view = new View();
        this.#view.restore(news.state);
        this.#restart(news.offset);
        return true;
      case "reset":
        this.#view = new View();
        this.#restart(news.offset);
        return true;
      case "event":
        this.#add(news.offset, news.raw);
        this.#view.apply(news.event);
        return true;
      default:
        return false;
    }
  }

  /** What is to be written and removed since the last call. */
  changes(): { write: { number: number; chunk: Chunk }[]; remove: number[] } {
    const write = [...this.#changed].filter((n) => n >= this.first).map((number) => ({ number, chunk: this.chunks[number - this.first]! }));
    const remove = [...this.#removed];
    this.#changed.clear();
    this.#removed.clear();
    return { write, remove };
  }

  #restart(offset: number): void {
    for (let n = this.first; n < this.first + this.chunks.length; n++) this.#removed.add(n);
    this.first += this.chunks.length;
    this.chunks = [];
    this.#begin(offset);
  }

  #begin(offset: number): void {
    this.chunks.push({ base: this.#view.snapshot(), offset, events: [] });
    this.#bytes = 0;
    this.#changed.add(this.first + this.chunks.length - 1);
    while (this.chunks.length > CHUNKS_MAX) {
      this.chunks.shift();
      this.#removed.add(this.first++);
    }
  }

  #add(offset: number, raw: Uint8Array): void {
    if (this.chunks.length === 0 || (this.#bytes > 0 && this.#bytes + raw.length > CHUNK_BYTES_MAX)) this.#begin(offset);
    this.chunks[this.chunks.length - 1]!.events.push({ offset, raw });
    this.#bytes += raw.length;
    this.#changed.add(this.first + this.chunks.length - 1);
  }
}

/** The state that a snapshot set holds. */
export function stateOf(base: readonly Uint8Array[]): SessionState {
  const view = new View();
  base.forEach((raw, index) => view.apply(fromBinary(EventSchema, raw), index === 0));
  return view.state;
}

const isChunk = (value: unknown): value is Chunk =>
  typeof value === "object" && value !== null && "base" in value && Array.isArray(value.base) && "events" in value && Array.isArray(value.events)
  && "offset" in value && typeof value.offset === "number";

/** Kept chunks as the news that a session would have told; what cannot be read ends it. */
export function replay(chunks: readonly unknown[]): SessionNews[] {
  const news: SessionNews[] = [];
  try {
    for (const chunk of chunks) {
      if (!isChunk(chunk)) break;
      if (news.length === 0) news.push({ kind: "snapshot", offset: chunk.offset, state: stateOf(chunk.base) });
      for (const { offset, raw } of chunk.events) news.push({ kind: "event", offset, event: fromBinary(EventSchema, raw), raw });
    }
  } catch {
    // another layout, or damaged: what came before it still counts
  }
  return news;
}
