/**
 * Which rows are in the page and where it stands. Rows have heights of their own: measured once they are there, guessed before. The
 * place is held by a row (the anchor), not by a number of pixels: what comes above, or grows there, moves nothing that is seen.
 */
import { signal } from "@preact/signals";
import type { Item, Kind } from "./items.ts";

const GUESS: { readonly [K in Kind]: number } = {
  user: 72, assistant: 120, thought: 40, tool: 96, ask: 56, subagent: 48, compaction: 32, turn: 32, line: 32, gap: 64, edge: 40,
};
/** Rows are made that far beyond what is seen, and never more of them than this. */
const BEYOND = 700;
const ROWS_MAX = 90;
const NEAR_END = 32;

export interface Span {
  start: number;
  end: number;
}

export class ListControl {
  /** The rows that are in the page. */
  readonly span = signal<Span>({ start: 0, end: 0 });
  /** It follows the end. */
  readonly following = signal(true);
  readonly marked = signal<string | undefined>(undefined);
  /** How many items had come when it stopped to follow the end. */
  readonly leftAt = signal(0);
  items: readonly Item[] = [];
  scroller: HTMLElement | undefined;
  readonly #came: () => number;
  #offsets = new Float64Array(1);
  #heights = new WeakMap<Item, number>();
  #anchor: { item: Item; delta: number } | undefined;
  #lastTop = 0;
  #mark: ReturnType<typeof setTimeout> | undefined;

  /** `came`: how many items have come at the end so far. */
  constructor(came: () => number) {
    this.#came = came;
  }

  #leave(): void {
    if (!this.following.value) return;
    this.leftAt.value = this.#came();
    this.following.value = false;
  }

  get total(): number {
    return this.#offsets[this.items.length]!;
  }
  offset(index: number): number {
    return this.#offsets[index]!;
  }

  setItems(items: readonly Item[]): void {
    this.items = items;
    this.#sum();
    this.choose();
  }

  /** True: it is another height than was thought. */
  measured(item: Item, height: number): boolean {
    if (height <= 0 || Math.abs((this.#heights.get(item) ?? -1) - height) < 0.5) return false;
    this.#heights.set(item, height);
    return true;
  }

  #sum(): void {
    const { items } = this;
    if (this.#offsets.length < items.length + 1) this.#offsets = new Float64Array(Math.ceil((items.length + 1) * 1.5));
    let at = 0;
    for (let i = 0; i < items.length; i++) {
      this.#offsets[i] = at;
      const item = items[i]!;
      at += this.#heights.get(item) ?? GUESS[item.kind];
    }
    this.#offsets[items.length] = at;
  }

  /** The row at that height. */
  indexAt(y: number): number {
    let low = 0;
    let high = this.items.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#offsets[middle]! <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  indexOf(item: Item): number {
    const { items } = this;
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (items[middle]!.order < item.order) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where the page stands, or will when the next layout is done. */
  #top(): number {
    const view = this.scroller?.clientHeight ?? 0;
    if (this.following.value) return Math.max(0, this.total - view);
    const anchor = this.#anchor;
    if (!anchor || this.items.length === 0) return this.scroller?.scrollTop ?? 0;
    const index = Math.min(this.items.length - 1, this.indexOf(anchor.item));
    return Math.max(0, this.#offsets[index]! + (this.items[index] === anchor.item ? anchor.delta : 0));
  }

  /** Chooses the rows for where it stands. */
  choose(): void {
    const view = this.scroller?.clientHeight ?? 800;
    const top = this.#top();
    let start = this.indexAt(top - BEYOND);
    let end = Math.min(this.items.length, this.indexAt(top + view + BEYOND) + 1);
    if (end - start > ROWS_MAX) {
      const first = this.indexAt(top);
      start = Math.max(start, first - Math.floor(ROWS_MAX / 4));
      end = Math.min(end, start + ROWS_MAX);
    }
    const now = this.span.peek();
    if (now.start !== start || now.end !== end) this.span.value = { start, end };
  }

  /** After heights or rows have changed: the place stays. */
  hold(): void {
    this.#sum();
    this.choose();
    this.place();
  }

  /** Puts the page where it should stand. */
  place(): void {
    const { scroller } = this;
    if (!scroller) return;
    const top = this.following.value ? scroller.scrollHeight - scroller.clientHeight : this.#top();
    if (Math.abs(scroller.scrollTop - top) >= 1) scroller.scrollTop = top;
    this.#lastTop = scroller.scrollTop;
  }

  /** A person scrolled, or the page did. */
  scrolled(): void {
    const { scroller } = this;
    if (!scroller) return;
    const top = scroller.scrollTop;
    // Only going up stops it: growth at the end is not a person's wish.
    if (scroller.scrollHeight - top - scroller.clientHeight <= NEAR_END) this.following.value = true;
    else if (top < this.#lastTop - 1) this.#leave();
    this.#lastTop = top;
    if (!this.following.value) this.#setAnchor(top);
    this.choose();
  }

  #setAnchor(top: number): void {
    let index = this.indexAt(top);
    while (index < this.items.length - 1 && (this.items[index]!.kind === "gap" || this.items[index]!.kind === "edge")) index++;
    const item = this.items[index];
    this.#anchor = item ? { item, delta: top - this.#offsets[index]! } : undefined;
  }

  /** A person opens or folds that row: it stays where it is. */
  keep(item: Item): void {
    const index = this.items.indexOf(item);
    if (index < 0 || !this.scroller) return;
    this.#leave();
    this.#anchor = { item, delta: this.scroller.scrollTop - this.#offsets[index]! };
  }

  /** Shows that row near the top; `mark`: for a moment it is seen which one. */
  show(item: Item, mark = true): void {
    const index = this.items.indexOf(item);
    if (index < 0) return;
    const view = this.scroller?.clientHeight ?? 0;
    this.#leave();
    this.#anchor = { item, delta: -Math.min(96, view / 5) };
    this.choose();
    this.place();
    if (!mark) return;
    this.marked.value = item.key;
    clearTimeout(this.#mark);
    this.#mark = setTimeout(() => (this.marked.value = undefined), 4000);
  }

  toEnd(): void {
    this.following.value = true;
    this.choose();
    this.place();
  }

  toStart(): void {
    this.#leave();
    const item = this.items[0];
    this.#anchor = item ? { item, delta: 0 } : undefined;
    this.choose();
    this.place();
  }

  /** The row that a person looks at. */
  get current(): number {
    return this.scroller ? this.indexAt(this.scroller.scrollTop + 8) : 0;
  }
}
