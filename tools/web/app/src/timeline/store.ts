/** A session's timeline as signals: fed by the session's news, put in order once a frame, and reaching back into the past. */
import { signal, type Signal } from "@preact/signals";
import { HistoryError, Sha256, type History, type Session, type SessionNews } from "@libremote/link";
import type { SessionState } from "@libremote/link/messages";
import { Digest } from "./digest.ts";
import type { Item } from "./items.ts";
import { TimelineModel, type Range, type Settled } from "./model.ts";

export const PAGE_OFFSETS = 300;
/** When much of the past is wanted: for a search, or all of it. */
export const BULK_OFFSETS = 1200;
/** Events that are kept in the page; what lies further back is left in the log. */
const EVENTS_MAX = 300_000;

export interface Loading {
  /** The offset before which it is read. */
  before: number;
}

export class TimelineStore {
  readonly model = new TimelineModel();
  readonly digest: Digest;
  /** Counts changes of the list itself. */
  readonly list = signal(0);
  /** Items that came at the end since the page was opened. */
  readonly appended = signal(0);
  readonly loading = signal<Loading | undefined>(undefined);
  /** Why the past could not be read. */
  readonly trouble = signal<string | undefined>(undefined);
  /** All that was there when it was opened has been told: what comes now is news. */
  readonly live = signal(false);
  readonly session: Session;
  readonly #rows = new Map<string, Signal<number>>();
  readonly #assets = new Map<string, Signal<number>>();
  readonly #listeners = new Set<(settled: Settled) => void>();
  readonly #end: () => void;
  #history: History | undefined;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pending: Promise<boolean> | undefined;
  #closed = false;
  /** The page that is on its way is not wanted any more. */
  #givenUp = false;

  constructor(session: Session, listen: (listener: (news: SessionNews) => void) => () => void) {
    this.session = session;
    const { module } = session.connection.endpoint;
    this.digest = new Digest(() => new Sha256(module));
    this.model.assets.useDigest((pieces) => {
      const sum = new Sha256(module);
      for (const piece of pieces) sum.add(piece);
      return sum.end();
    });
    this.#end = listen((news) => this.#take(news));
  }

  close(): void {
    this.#closed = true;
    this.#end();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#history?.close();
    this.digest.close();
  }

  /** What is folded elsewhere, before any news have come: a page that was kept for reading offline. */
  show(state: SessionState): void {
    if (this.model.ranges.length > 0) return;
    this.model.snapshot(0, state);
    this.model.ranges = [];
    this.#soon();
  }

  /** A row's own signal: it changes with its item only. */
  row(key: string): Signal<number> {
    let row = this.#rows.get(key);
    if (!row) this.#rows.set(key, (row = signal(0)));
    return row;
  }

  asset(id: string): Signal<number> {
    let asset = this.#assets.get(id);
    if (!asset) this.#assets.set(id, (asset = signal(0)));
    return asset;
  }

  /** Told once a frame, after the list is in order. */
  onSettled(listener: (settled: Settled) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #take(news: SessionNews): void {
    switch (news.kind) {
      case "event":
        this.digest.event(news.offset, news.raw);
        this.model.take(news);
        this.#soon();
        break;
      case "snapshot":
        if (news.offset > (this.model.held?.to ?? -1)) this.digest.jump(news.offset);
        this.model.take(news);
        this.#soon();
        break;
      case "reset":
        this.digest.jump(news.offset);
        this.model.take(news);
        this.#giveUp();
        this.#history?.close();
        this.#history = undefined;
        this.trouble.value = undefined;
        this.#soon();
        break;
      case "tail":
      case "tail-cleared":
        this.model.take(news);
        this.#soon();
        break;
      case "synced":
        if (!this.live.value) this.live.value = true;
        this.trouble.value = undefined;
        // What a snapshot says is cut: the newest events themselves say all of it.
        if (this.model.ranges.length === 1 && (this.model.held?.to ?? 0) - (this.model.held?.from ?? 0) < PAGE_OFFSETS / 2) void this.load();
        break;
      default:
        break;
    }
  }

  #soon(): void {
    if (this.#timer !== undefined || this.#closed) return;
    // A hidden page has timers, but no frames.
    const settle = () => {
      cancelAnimationFrame(this.#frame);
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.settle();
    };
    this.#frame = requestAnimationFrame(settle);
    this.#timer = setTimeout(settle, 250);
  }

  settle(): void {
    const settled = this.model.settle();
    for (const item of settled.changed) {
      const row = this.#rows.get(item.key);
      if (row) row.value++;
    }
    for (const id of this.model.assets.changed) {
      const asset = this.#assets.get(id);
      if (asset) asset.value++;
    }
    this.model.assets.changed.clear();
    if (settled.appended && this.live.value) this.appended.value += settled.appended;
    if (settled.structural) this.list.value++;
    for (const listener of [...this.#listeners]) listener(settled);
  }

  // ---- the past ----

  get complete(): boolean {
    const { ranges } = this.model;
    return ranges.length > 0 && ranges.every((range, index) => (index === 0 ? range.first : false));
  }

  /** The range whose past is asked for: the newest one that has some, or the one that begins there. */
  #rangeAt(before?: number): Range | undefined {
    const { ranges } = this.model;
    if (before !== undefined) return ranges.find((range) => range.from === before && !range.first);
    for (let i = ranges.length - 1; i >= 0; i--) if (!ranges[i]!.first || i > 0) return ranges[i];
    return undefined;
  }

  /** Loads the page before `before`, or before the newest part that is loaded. False: there is none, or it cannot be had. */
  load(before?: number, offsets = PAGE_OFFSETS): Promise<boolean> {
    if (this.#pending) return this.#pending;
    const range = this.#rangeAt(before);
    const epoch = this.session.position.epoch;
    if (!range) return Promise.resolve(false);
    if (epoch.every((byte) => byte === 0)) {
      this.trouble.value = "Older events are with the relay, which this page has not reached yet.";
      return Promise.resolve(false);
    }
    if (this.model.count > EVENTS_MAX) {
      this.trouble.value = `More than ${EVENTS_MAX.toLocaleString()} events are loaded: the rest stays in the log.`;
      return Promise.resolve(false);
    }
    this.loading.value = { before: range.from };
    this.trouble.value = undefined;
    this.#pending = this.#read(range, epoch, offsets).finally(() => {
      this.#pending = undefined;
      this.#givenUp = false;
      this.loading.value = undefined;
    });
    return this.#pending;
  }

  async #read(range: Range, epoch: Uint8Array, offsets: number): Promise<boolean> {
    const before = range.from;
    const former = this.model.ranges[this.model.ranges.indexOf(range) - 1];
    const count = Math.min(offsets, before - (former?.to ?? 0));
    try {
      this.#history ??= this.session.connection.history(this.session.id);
      const page = await this.#history.read({ epoch, offset: before }, Math.max(1, count));
      if (this.#closed) return false;
      this.digest.page(before, page);
      this.model.page(before, page);
      this.settle();
      return true;
    } catch (error) {
      if (this.#closed || this.#givenUp) return false;
      if (error instanceof HistoryError && error.problem.code === 2002) {
        this.model.page(before, { events: [], from: before, first: true, trimmed: true, unreadable: 0 });
        this.settle();
      } else this.trouble.value = `Older events could not be loaded: ${error instanceof Error ? error.message : String(error)}`;
      return false;
    }
  }

  /** Pages back until it is there, or nothing is left. `more` says when to stop. */
  async loadUntil(found: () => boolean, more: () => boolean = () => true): Promise<boolean> {
    while (!found()) {
      if (!more() || !(await this.load(undefined, BULK_OFFSETS))) return found();
    }
    return true;
  }

  /** Gives up the page that is on its way; `words`: why it is not loaded by itself again. */
  cancelLoading(words?: string): void {
    if (!this.#pending) return;
    this.#giveUp();
    this.#history?.cancel();
    if (words) this.trouble.value = words;
  }

  #giveUp(): void {
    this.#givenUp = this.#pending !== undefined;
  }

  find(key: string): Item | undefined {
    return this.model.get(key);
  }
}
