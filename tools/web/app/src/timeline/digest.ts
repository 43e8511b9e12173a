/**
 * What a page holds of the log, as one figure: SHA-256 over the durable events as they came, one behind the other, from the first
 * that is held without a hole. Two surfaces that hold the same events say the same.
 */
import { signal } from "@preact/signals";
import type { PastEvent } from "@libremote/link";

export interface Sum {
  add(bytes: Uint8Array): void;
  end(): Uint8Array;
}

/** Bytes that are kept so that older pages can still be put in front. */
const KEPT_BYTES_MAX = 48 * 1024 * 1024;

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
    this.#cache = undefined;
    this.changed.value++;
  }

  page(before: number, page: { events: readonly PastEvent[]; from: number }): void {
    if (before !== this.#from) return; // of another part, or what lies behind it was let go
    this.#raws = [...page.events.map(({ offset, raw }) => ({ offset, raw })), ...this.#raws];
    for (const event of page.events) this.#bytes += event.raw.length;
    this.#from = page.from;
    this.#cache = undefined;
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
  }

  /** undefined: nothing is held yet. */
  read(): Held | undefined {
    if (this.#from < 0) return undefined;
    if (!this.#cache) {
      const sum = this.#make();
      for (const { raw } of this.#raws) sum.add(raw);
      this.#cache = {
        from: this.#from, to: this.#to, sha256: Array.from(sum.end(), (byte) => byte.toString(16).padStart(2, "0")).join(""),
      };
    }
    return this.#cache;
  }
}
