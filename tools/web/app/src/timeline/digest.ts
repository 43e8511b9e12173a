/**
 * What a page holds of the log, as one figure: SHA-256 over the durable events as they came, one behind the other, from the first
 * that is held without a hole. Two surfaces that hold the same events say the same.
 */
import { signal } from "@preact/signals";
import type { PastEvent } from "@libremote/link";

export interface Sum {
  add(bytes: Uint8Array): void;
  copy(): Sum;
  end(): Uint8Array;
}

/** Bytes that are kept so that older pages can still be put in front. */
const KEPT_BYTES_MAX = 48 * 1024 * 1024;

/** Of many small events one call is made. */
const BATCH_BYTES = 128 * 1024;

export interface Held {
  from: number;
  /** The next offset. */
  to: number;
  sha256: string;
}

export class Digest {
  /** Counts changes; `read` makes the figure. */
  readonly changed = signal(0);
  readonly #make: () => Sum;
  /** Over the first `#summed` of the raw events. */
  #sum: Sum | undefined;
  #summed = 0;
  /** In order. */
  #raws: { offset: number; raw: Uint8Array }[] = [];
  #bytes = 0;
  #from = -1;
  #to = -1;
  #cache: Held | undefined;

  constructor(make: () => Sum) {
    this.#make = make;
  }

  close(): void {
    this.#raws = [];
    this.#again();
  }

  #again(): void {
    this.#sum?.end(); // gives its memory back
    this.#sum = undefined;
    this.#summed = 0;
    this.#cache = undefined;
  }

  event(offset: number, raw: Uint8Array): void {
    if (offset < this.#to) return;
    if (this.#from < 0) this.#from = offset;
    this.#raws.push({ offset, raw });
    this.#bytes += raw.length;
    this.#to = offset + 1;
    this.#cache = undefined;
    this.#bound();
    this.changed.value++;
  }

  /** Events before `offset` are not known. */
  jump(offset: number): void {
    this.#raws = [];
    this.#bytes = 0;
    this.#from = this.#to = offset;
    this.#again();
    this.changed.value++;
  }

  page(before: number, page: { events: readonly PastEvent[]; from: number }): void {
    if (before !== this.#from) return; // of another part, or what lies behind it was let go
    this.#raws = [...page.events.map(({ offset, raw }) => ({ offset, raw })), ...this.#raws];
    for (const event of page.events) this.#bytes += event.raw.length;
    this.#from = page.from;
    this.#again();
    this.#bound();
    this.changed.value++;
  }

  /** Over the limit the oldest half is let go: the figure begins later, and says so. */
  #bound(): void {
    if (this.#bytes <= KEPT_BYTES_MAX) return;
    let gone = 0;
    let count = 0;
    while (count < this.#raws.length && gone < KEPT_BYTES_MAX / 2) gone += this.#raws[count++]!.raw.length;
    this.#raws = this.#raws.slice(count);
    this.#bytes -= gone;
    this.#from = this.#raws[0]?.offset ?? this.#to;
    this.#again();
  }

  /** Works on the figure for about that long; true: read() has nothing left to do but to say it. */
  work(ms: number): boolean {
    this.#sum ??= this.#make();
    const began = performance.now();
    while (this.#summed < this.#raws.length) {
      if (performance.now() - began > ms) return false;
      let bytes = 0;
      let end = this.#summed;
      while (end < this.#raws.length && (end === this.#summed || bytes + this.#raws[end]!.raw.length <= BATCH_BYTES)) bytes += this.#raws[end++]!.raw.length;
      const batch = new Uint8Array(bytes);
      let at = 0;
      for (; this.#summed < end; this.#summed++) {
        const { raw } = this.#raws[this.#summed]!;
        batch.set(raw, at);
        at += raw.length;
      }
      this.#sum.add(batch);
    }
    return true;
  }

  /** undefined: nothing is held yet. */
  read(): Held | undefined {
    if (this.#from < 0) return undefined;
    if (!this.#cache) {
      this.work(Infinity);
      const sha256 = Array.from(this.#sum!.copy().end(), (byte) => byte.toString(16).padStart(2, "0")).join("");
      this.#cache = { from: this.#from, to: this.#to, sha256 };
    }
    return this.#cache;
  }
}
