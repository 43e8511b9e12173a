/**
 * The timeline as a model, without a page: it takes a session's news and pages of its past, in whatever order they come, and keeps a
 * list of items with stable keys. Each item is folded from its own pieces in the order of their offsets, so that the list is the same
 * however the events were cut into pages, live events and tails.
 */
import type { Page, SessionNews } from "@libremote/link";
import type { Event, SessionState } from "@libremote/link/messages";
import { AssetStore } from "./assets.ts";
import { basesOf } from "./bases.ts";
import { Chains } from "./chains.ts";
import { forget, hasStart, setState, stateOf } from "./fold.ts";
import { OUTPUT_BYTES_MAX } from "./fold_tool.ts";
import { Item, type Kind, type Piece } from "./items.ts";
import { signatureOf, targetsOf } from "./targets.ts";

/** A part of the log that is loaded without a hole: [from, to). */
export interface Range {
  from: number;
  to: number;
  /** Nothing lies before it. */
  first: boolean;
  trimmed: boolean;
  unreadable: number;
  /** What the snapshot at which it began shows of the time before. */
  bases: Item[];
}

/** Behind everything that has an offset. */
const TAIL_ORDER = 2 ** 52;

export interface Settled {
  /** Items whose look may have changed. */
  changed: ReadonlySet<Item>;
  /** Items came, went or moved. */
  structural: boolean;
  /** How many came behind what had been the last one. */
  appended: number;
}

export class TimelineModel {
  /** In order. */
  items: readonly Item[] = [];
  ranges: Range[] = [];
  /** Events that were folded. */
  count = 0;
  readonly assets = new AssetStore();
  readonly #byKey = new Map<string, Item>();
  readonly #touched = new Set<Item>();
  readonly #tailed = new Set<Item>();
  readonly #signatures = new Map<string, Item>();
  #gaps: Item[] = [];
  #rangesChanged = false;
  #tails = 0;
  #cleared = false;
  #chains = new Chains((key) => this.#byKey.get(key));

  get(key: string): Item | undefined {
    return this.#byKey.get(key);
  }

  /** The first and the next offset of what is loaded without a hole up to now. */
  get held(): Range | undefined {
    return this.ranges.at(-1);
  }

  // ---- what comes ----

  take(news: SessionNews): void {
    switch (news.kind) {
      case "event":
        this.event(news.offset, news.event);
        break;
      case "tail":
        this.#tail(news.event);
        break;
      case "tail-cleared":
        this.#clearTail();
        break;
      case "snapshot":
        this.snapshot(news.offset, news.state);
        break;
      case "reset":
        this.clear();
        break;
      default:
        break;
    }
  }

  /** Another epoch: what was told no longer counts. */
  clear(): void {
    this.#byKey.clear();
    this.#touched.clear();
    this.#tailed.clear();
    this.#signatures.clear();
    this.#chains = new Chains((key) => this.#byKey.get(key));
    this.assets.clear();
    this.ranges = [];
    this.count = 0;
    this.#gaps = [];
    this.items = [];
    this.#rangesChanged = this.#cleared = true;
  }

  event(offset: number, event: Event): void {
    const last = this.ranges.at(-1);
    if (!last) {
      this.ranges.push({ from: offset, to: offset + 1, first: offset === 0, trimmed: false, unreadable: 0, bases: [] });
      this.#rangesChanged = true;
    } else if (offset < last.to) return;
    else last.to = offset + 1;
    this.#fold(offset, event);
  }

  snapshot(offset: number, state: SessionState): void {
    this.#clearTail();
    const last = this.ranges.at(-1);
    if (last && last.to >= offset) return; // it says what is known
    const range: Range = { from: offset, to: offset, first: offset === 0, trimmed: false, unreadable: 0, bases: [] };
    for (const base of basesOf(state, offset)) {
      const item = this.#item(base.kind, base.key);
      if (item.base) for (const other of this.ranges) other.bases = other.bases.filter((one) => one !== item);
      item.base = base.base;
      if (item.pieces.length === 0) {
        item.atMs = base.atMs;
        item.turnId = base.turnId;
        item.agentId = base.agentId;
      }
      if (base.signature) this.#signatures.set(base.signature, item);
      range.bases.push(item);
    }
    this.ranges.push(range);
    this.#placeBases(range);
    this.#rangesChanged = true;
  }

  /** A page of the past that ends before `before`. */
  page(before: number, page: Pick<Page, "events" | "from" | "first" | "trimmed" | "unreadable">): void {
    const index = this.ranges.findIndex((range) => range.from === before);
    const range = this.ranges[index];
    if (!range) return; // the list it belonged to is gone
    for (const { offset, event } of page.events) if (offset < before) this.#fold(offset, event);
    range.from = Math.min(page.from, before);
    range.first = page.first;
    range.trimmed = page.trimmed;
    range.unreadable += page.unreadable;
    const former = this.ranges[index - 1];
    if (former && former.to >= range.from) {
      this.#dropBases(range);
      this.ranges.splice(index - 1, 2, {
        ...former, to: range.to, unreadable: former.unreadable + range.unreadable,
      });
      this.#placeBases(this.ranges[index - 1]!);
    } else if (range.first && !range.trimmed) this.#dropBases(range);
    else this.#placeBases(range);
    this.#rangesChanged = true;
  }

  #fold(offset: number, event: Event): void {
    this.count++;
    if (event.body.case === "asset") {
      this.assets.add(event.body.value);
      return;
    }
    const mark = this.#signatures.size ? signatureOf(event) : undefined;
    const told = mark === undefined ? undefined : this.#signatures.get(mark);
    if (told) {
      this.#signatures.delete(mark!);
      this.#dropBase(told);
    }
    for (const target of targetsOf(event, offset)) {
      const item = this.#item(target.kind, target.key);
      this.#put(item, { offset, event });
      if (item.tail.length > 0) forget(item);
      this.#touched.add(item);
    }
    this.#chains.note(offset, event);
  }

  #item(kind: Kind, key: string): Item {
    let item = this.#byKey.get(key);
    if (!item || item.kind !== kind) {
      item = new Item(kind, key);
      this.#byKey.set(key, item);
    }
    this.#touched.add(item);
    return item;
  }

  #put(item: Item, piece: Piece): void {
    const pieces = item.pieces;
    const last = pieces.at(-1);
    if (!last || last.offset < piece.offset) pieces.push(piece);
    else {
      let low = 0;
      for (let high = pieces.length; low < high; ) {
        const middle = (low + high) >> 1;
        if (pieces[middle]!.offset < piece.offset) low = middle + 1;
        else high = middle;
      }
      if (pieces[low]?.offset === piece.offset) return;
      pieces.splice(low, 0, piece);
      forget(item);
    }
    if (piece.event.body.case === "toolOutput") {
      item.outputBytes += piece.event.body.value.data.length;
      if (item.outputBytes > 2 * OUTPUT_BYTES_MAX) thin(item);
    }
  }

  // ---- tails ----

  #tail(event: Event): void {
    const which = event.body.case;
    if (which !== "assistantDelta" && which !== "thoughtDelta" && which !== "toolOutput") return;
    const target = targetsOf(event, -1)[0];
    if (!target || target.key === "e:-1") return;
    const known = this.#byKey.get(target.key);
    if (target.kind === "tool" && !known) return; // output of a call that nobody announced
    const item = this.#item(target.kind, target.key);
    if (item.pieces.length === 0 && !item.base && item.tail.length === 0) {
      item.atMs = Number(event.atMs);
      item.turnId = event.turnId;
      item.agentId = event.agentId;
      item.order = TAIL_ORDER + this.#tails++;
    }
    item.tail.push(event);
    this.#tailed.add(item);
  }

  #clearTail(): void {
    for (const item of this.#tailed) {
      item.tail = [];
      this.#touched.add(item);
    }
    this.#tailed.clear();
  }

  // ---- what snapshots say ----

  #placeBases(range: Range): void {
    const count = range.bases.length;
    range.bases.forEach((item, index) => {
      item.baseOrder = range.from - 1 + (index + 1) / (count + 1);
      item.baseFrom = range.from;
      item.useBase = !hasStart(item, range.from);
      forget(item);
      this.#touched.add(item);
    });
  }

  #dropBase(item: Item): void {
    for (const range of this.ranges) {
      const at = range.bases.indexOf(item);
      if (at >= 0) range.bases.splice(at, 1);
    }
    item.base = undefined;
    item.useBase = false;
    forget(item);
    this.#touched.add(item);
  }

  #dropBases(range: Range): void {
    for (const item of [...range.bases]) this.#dropBase(item);
    range.bases = [];
  }

  // ---- the list ----

  /** Where it belongs; undefined: nowhere (yet). Its facts are those of what places it. */
  #place(item: Item): number | undefined {
    const first = item.pieces.find(({ event }) => event.body.case !== "turnStarted" && event.body.case !== "toolAuthorized");
    if (item.useBase && (!first || item.baseOrder < first.offset)) return item.baseOrder;
    if (!first) return item.tail.length > 0 ? Math.max(item.order, TAIL_ORDER) : undefined;
    item.atMs = Number(first.event.atMs);
    item.turnId = first.event.turnId;
    item.agentId = first.event.agentId;
    return first.offset;
  }

  /** Puts the list in order after any number of events; what has changed since the last time. */
  settle(): Settled {
    const touched = new Set(this.#touched);
    let structural = this.#rangesChanged || this.#cleared;
    this.#touched.clear();
    this.#cleared = false;
    const orders = new Map<Item, number | undefined>();
    for (const item of touched) orders.set(item, this.#place(item));
    for (const item of this.#chains.settle(touched, orders)) if (!orders.has(item)) orders.set(item, item.listed ? item.order : this.#place(item));
    const gone = new Set<Item>();
    const come: Item[] = [];
    for (const [item, order] of orders) {
      item.revision++;
      const wanted = order !== undefined && !item.hidden;
      if (item.listed && wanted && item.order === order) continue;
      if (item.listed) gone.add(item);
      item.listed = wanted;
      if (order !== undefined) item.order = order;
      if (wanted) come.push(item);
      else if (order === undefined && item.pieces.length === 0 && !item.base) this.#byKey.delete(item.key);
      structural = true;
    }
    const gaps = this.#rangesChanged;
    if (gaps) this.#makeGaps(gone, come);
    const end = this.items.at(-1)?.order ?? -1;
    if (gone.size || come.length) this.items = merge(gone.size ? this.items.filter((item) => !gone.has(item)) : this.items, come);
    const changed = new Set(orders.keys());
    if (gaps) for (const gap of this.#gaps) changed.add(gap);
    if (structural) for (const item of this.#chains.strike(this.items, this.ranges)) changed.add(item);
    let appended = 0;
    for (const item of come) if (item.order > end && !gone.has(item)) appended++;
    return { changed, structural, appended };
  }

  #makeGaps(gone: Set<Item>, come: Item[]): void {
    this.#rangesChanged = false;
    for (const gap of this.#gaps) if (gap.listed) gone.add(gap);
    const next: Item[] = [];
    this.ranges.forEach((range, index) => {
      const former = this.ranges[index - 1];
      let row: Item;
      if (former || !range.first) {
        row = this.#gapRow("gap", former ? `g:${former.to}` : "g:front");
        setState(row as Item<"gap">, { from: former?.to ?? 0, to: range.from, front: !former });
      } else {
        row = this.#gapRow("edge", "g:begin");
        const unreadable = this.ranges.reduce((sum, one) => sum + one.unreadable, 0);
        setState(row as Item<"edge">, { what: range.trimmed ? "trimmed" : "beginning", unreadable });
      }
      row.order = range.from - 1;
      row.listed = true;
      row.revision++;
      next.push(row);
      come.push(row);
    });
    this.#gaps = next;
  }

  #gapRow(kind: "gap" | "edge", key: string): Item {
    const there = this.#gaps.find((gap) => gap.key === key);
    return there ?? (new Item(kind, key) as Item);
  }
}

/** Of output that is not shown any more only the size is kept. */
function thin(item: Item): void {
  let over = item.outputBytes - OUTPUT_BYTES_MAX;
  for (const piece of item.pieces) {
    const { event } = piece;
    if (event.body.case !== "toolOutput" || event.body.value.data.length === 0) continue;
    const { value } = event.body;
    if (over < value.data.length) break;
    over -= value.data.length;
    item.outputBytes -= value.data.length;
    const position = value.position + BigInt(value.data.length);
    piece.event = { ...event, body: { case: "toolOutput", value: { ...value, position, data: new Uint8Array() } } };
  }
}

/** Two sorted lists into one; `come` is sorted here. */
function merge(there: readonly Item[], come: Item[]): Item[] {
  come.sort((a, b) => a.order - b.order);
  const first = come[0];
  if (!first) return there as Item[];
  const out: Item[] = [];
  let at = 0;
  const last = there.at(-1);
  if (last && first.order > last.order) return [...there, ...come];
  for (const item of come) {
    while (at < there.length && there[at]!.order <= item.order) out.push(there[at++]!);
    out.push(item);
  }
  while (at < there.length) out.push(there[at++]!);
  return out;
}

export { stateOf };
