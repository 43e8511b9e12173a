/**
 * Which rows are in the page and where it stands. Rows have heights of their own: measured once they are there, guessed before. The
 * place is held by a row (the anchor), not by a number of pixels: what comes above, or grows there, moves nothing that is seen.
 *
 * Whether somebody has scrolled is told by where it stands against where it was put, not by events: they come late, and after what is
 * put then. So the browser must never move it by itself: what is inside cannot become lower before it is placed anew (the floor).
 */
import { signal } from "@preact/signals";
import type { Item, Kind } from "./items.ts";

const GUESS: { readonly [K in Kind]: number } = {
  user: 72, assistant: 120, thought: 40, tool: 96, ask: 56, subagent: 48, compaction: 32, turn: 32, line: 32, gap: 64, edge: 40,
};
/** Not worth to be told from where it was put: pixels are not whole on every screen. */
const STILL = 2;
/** Rows are made that far beyond what is seen, and never more of them than this. */
const BEYOND = 700;
const ROWS_MAX = 90;
const NEAR_END = 32;

export interface Span {
  start: number;
  end: number;
}

/** A place: so far below the top of that row. */
interface Place {
  item: Item;
  delta: number;
}

export class ListControl {
  /** The rows that are to be in the page, and those that are. */
  readonly span = signal<Span>({ start: 0, end: 0 });
  drawn: Span = { start: 0, end: 0 };
  /** It follows the end. */
  readonly following = signal(true);
  readonly marked = signal<string | undefined>(undefined);
  /** How many items had come when it stopped to follow the end. */
  readonly leftAt = signal(0);
  items: readonly Item[] = [];
  scroller: HTMLElement | undefined;
  /** In the scroller, in place of the rows that are not in the page. */
  above: HTMLElement | undefined;
  below: HTMLElement | undefined;
  /** Stands where the content ended when it was placed last. */
  floor: HTMLElement | undefined;
  /** When it was placed last some row was another height than was told. */
  unsure = false;
  readonly #came: () => number;
  #offsets = new Float64Array(1);
  #heights = new WeakMap<Item, number>();
  /** Where it is to stand, unless it follows the end. */
  #anchor: Place | undefined;
  /** Where it was put: nearer to the top than wanted, when there is not enough below. */
  #stood: Place | undefined;
  #lastTop = 0;
  #lastView = 0;
  #lastMax = 0;
  #lastHeight = -1;
  /** A row is about to change under somebody's hand: what stands at the end now is not yet what they want. */
  #kept = false;
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
    this.#look();
    this.#kept = false;
    this.#sum();
    this.choose();
    this.place();
  }

  /** Puts the page where it should stand. */
  place(): void {
    const { scroller } = this;
    if (!scroller) return;
    this.#look();
    const { start, end } = this.drawn;
    if (this.above) this.above.style.blockSize = `${this.offset(start)}px`;
    if (this.below) this.below.style.blockSize = `${Math.max(0, this.total - this.offset(end))}px`;
    // Where it ends by itself, the floor aside.
    const height = this.below ? this.below.offsetTop + this.below.offsetHeight : scroller.scrollHeight;
    if (this.floor && height !== this.#lastHeight) this.floor.style.insetBlockStart = `${height - 1}px`;
    this.#lastHeight = height;
    this.unsure = Math.abs(height - this.total) > STILL;
    this.#lastView = scroller.clientHeight;
    this.#lastMax = Math.max(0, height - this.#lastView);
    const top = this.following.value ? this.#lastMax : this.#top();
    if (Math.abs(scroller.scrollTop - top) >= 1) scroller.scrollTop = top;
    this.#lastTop = scroller.scrollTop;
    this.#stood = this.#placeAt(this.#lastTop);
    // A row that was thought to be higher has gone by: what is seen holds the place.
    if (!this.following.value && this.#anchor && this.#anchor.delta > 0 && Math.abs(this.#lastTop - top) < 1) this.#anchor = this.#placeAt(top);
  }

  /** Somebody may have scrolled since it was placed: whether they have been told of or not. */
  #look(): void {
    const { scroller } = this;
    if (!scroller) return;
    // A box of another size moves what is in it: it is placed anew for that.
    if (scroller.clientHeight !== this.#lastView) return;
    const top = scroller.scrollTop;
    const moved = top - this.#lastTop;
    if (Math.abs(moved) < 1) return;
    const max = scroller.scrollHeight - this.#lastView;
    if (this.following.value && (moved > 0 || max - top <= STILL)) return;
    this.#lastTop = top;
    if (moved > 0 && Math.min(max, this.#lastMax) - top <= NEAR_END) {
      this.following.value = true;
      return;
    }
    this.#leave();
    if (!this.#stood) return;
    this.#anchor = { item: this.#stood.item, delta: this.#stood.delta + moved };
    this.#stood = this.#anchor = this.#placeAt(this.#top());
  }

  /** The page has been scrolled, by whomever. */
  scrolled(): void {
    const { scroller } = this;
    if (!scroller) return;
    if (scroller.clientHeight !== this.#lastView) return this.hold();
    this.#look();
    if (!this.#kept && scroller.scrollHeight - scroller.scrollTop - this.#lastView <= STILL) this.following.value = true;
    this.choose();
  }

  #placeAt(top: number): Place | undefined {
    let index = this.indexAt(top);
    while (index < this.items.length - 1 && (this.items[index]!.kind === "gap" || this.items[index]!.kind === "edge")) index++;
    const item = this.items[index];
    return item && { item, delta: top - this.#offsets[index]! };
  }

  /** Where it stands now was not asked for by anybody who scrolled, or does not matter any more. */
  #forget(): void {
    if (this.scroller) this.#lastTop = this.scroller.scrollTop;
  }

  /** A person opens or folds that row: it stays where it is. */
  keep(item: Item): void {
    const index = this.items.indexOf(item);
    if (index < 0 || !this.scroller) return;
    this.#look();
    this.#leave();
    this.#kept = true;
    this.#anchor = { item, delta: this.scroller.scrollTop - this.#offsets[index]! };
  }

  /** Shows that row near the top; `mark`: for a moment it is seen which one. */
  show(item: Item, mark = true): void {
    const index = this.items.indexOf(item);
    if (index < 0) return;
    const view = this.scroller?.clientHeight ?? 0;
    this.#forget();
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
    this.#forget();
    this.following.value = true;
    this.choose();
    this.place();
  }

  toStart(): void {
    this.#forget();
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
