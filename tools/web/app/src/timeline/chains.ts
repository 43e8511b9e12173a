/** What depends on more than one item: rows that only repeat, what a rewinding strikes, what its turn's end has closed. */
import { PlanStatus, type Event } from "@libremote/link/messages";
import { stateOf } from "./fold.ts";
import { CONVERSATION, type Item } from "./items.ts";
import { keyOf } from "./targets.ts";

interface Range {
  first: boolean;
  trimmed: boolean;
}

/** Sorted by the place of their first piece. */
class Chain {
  readonly items: Item[] = [];
  #known = new Set<Item>();

  add(item: Item): boolean {
    if (this.#known.has(item)) return false;
    this.#known.add(item);
    const order = item.pieces[0]!.offset;
    let at = this.items.length;
    while (at > 0 && this.items[at - 1]!.pieces[0]!.offset > order) at--;
    this.items.splice(at, 0, item);
    return true;
  }
}

function modeOf(item: Item): string {
  const { body } = item.pieces[0]!.event;
  return body.case === "modesChanged" ? body.value.currentModeId : "";
}

function planOf(item: Item): { texts: string; states: string } {
  const { body } = item.pieces[0]!.event;
  const entries = body.case === "planUpdated" ? body.value.entries : [];
  return { texts: JSON.stringify(entries.map((e) => e.text)), states: entries.map((e) => e.status || PlanStatus.PENDING).join() };
}

export class Chains {
  readonly #find: (key: string) => Item | undefined;
  readonly #modes = new Chain();
  readonly #plans = new Chain();
  readonly #options = new Chain();
  /** The values at each place where options were told, by whomever: sorted. */
  readonly #values: { offset: number; values: ReadonlyMap<string, string> }[] = [];
  #valuesSeen = 0;
  readonly #rewinds: { offset: number; messageId: string }[] = [];
  /** Where each turn ended, and where a process did. */
  readonly #turnEnds = new Map<string, number>();
  #halted = -1;
  #ends = 0;
  #endsSeen = 0;
  /** Not finished, as far as their own events say. */
  readonly #open = new Set<Item>();

  constructor(find: (key: string) => Item | undefined) {
    this.#find = find;
  }

  note(offset: number, event: Event): void {
    const { body } = event;
    if (body.case === "turnEnded") {
      const id = body.value.turnId || event.turnId;
      if (id === "") return;
      this.#turnEnds.set(id, Math.max(offset, this.#turnEnds.get(id) ?? -1));
      this.#ends++;
    } else if (body.case === "sessionResumed" || body.case === "sessionEnded") {
      this.#halted = Math.max(this.#halted, offset);
      this.#ends++;
    } else if (body.case === "historyRewound" && !this.#rewinds.some((one) => one.offset === offset)) {
      this.#rewinds.push({ offset, messageId: body.value.messageId });
    } else if (body.case === "configOptionsChanged") {
      const after = this.#values.findLastIndex((one) => one.offset <= offset) + 1;
      if (this.#values[after - 1]?.offset === offset) return;
      this.#values.splice(after, 0, { offset, values: new Map(body.value.options.map((option) => [option.optionId, option.currentValue])) });
    }
  }

  /** Items that have changed by what happened elsewhere. */
  settle(touched: ReadonlySet<Item>, orders: ReadonlyMap<Item, number | undefined>): Item[] {
    const changed: Item[] = [];
    let modes = false;
    let plans = false;
    let options = false;
    for (const item of touched) {
      const which = item.kind === "line" ? item.pieces[0]?.event.body.case : undefined;
      if (which === "modesChanged") modes = this.#modes.add(item) || modes;
      else if (which === "planUpdated") plans = this.#plans.add(item) || plans;
      else if (which === "configOptionsChanged") options = this.#options.add(item) || options;
      this.#lookOpen(item, orders.get(item) !== undefined);
    }
    if (modes) this.#repeat(this.#modes, modeOf, (now, before) => (now === before ? "hide" : "show"), changed);
    if (plans)
      this.#repeat(this.#plans, planOf, (now, before) => {
        if (now.texts === "[]" && (!before || before.texts === "[]")) return "hide";
        if (now.texts !== before?.texts) return "show";
        return now.states === before.states ? "hide" : "repeat";
      }, changed);
    if (options || (this.#valuesSeen !== this.#values.length && this.#options.items.length > 0)) this.#tellNews(changed);
    this.#valuesSeen = this.#values.length;
    if (this.#ends !== this.#endsSeen || this.#open.size) this.#close(changed);
    this.#endsSeen = this.#ends;
    return changed;
  }

  #repeat<T>(chain: Chain, of: (item: Item) => T, judge: (now: T, before: T | undefined) => "show" | "repeat" | "hide", changed: Item[]): void {
    let before: T | undefined;
    for (const item of chain.items) {
      const now = of(item);
      const what = judge(now, before);
      before = now;
      if (item.hidden === (what === "hide") && item.repeats === (what === "repeat")) continue;
      item.hidden = what === "hide";
      item.repeats = what === "repeat";
      changed.push(item);
    }
  }

  /** All options are told whenever one has changed. */
  #tellNews(changed: Item[]): void {
    let at = 0;
    for (const item of this.#options.items) {
      const offset = item.pieces[0]!.offset;
      while (this.#values[at]!.offset < offset) at++;
      const before = this.#values[at - 1]?.values;
      const news = before && [...this.#values[at]!.values].filter(([id, value]) => before.get(id) !== value).map(([id]) => id);
      if (news?.join("\n") === item.news?.join("\n")) continue;
      item.news = news;
      changed.push(item);
    }
  }

  #lookOpen(item: Item, there: boolean): void {
    const open = there && (item.is("assistant") || item.is("thought") ? stateOf(item).open : item.is("tool") ? !stateOf(item).ended : false);
    if (open) this.#open.add(item);
    else if (this.#open.delete(item)) item.closed = false;
  }

  #close(changed: Item[]): void {
    for (const item of this.#open) {
      const last = Math.max(item.pieces.at(-1)?.offset ?? -1, item.useBase ? item.baseFrom - 1 : -1);
      const closed = item.tail.length === 0 && Math.max(this.#halted, this.#turnEnds.get(item.turnId) ?? -1) > last;
      if (closed === item.closed) continue;
      item.closed = closed;
      changed.push(item);
    }
  }

  /** Strikes what was taken back (docs/spec.md 15.3). Items that have changed by it. */
  strike(items: readonly Item[], ranges: readonly Range[]): Item[] {
    if (this.#rewinds.length === 0) return [];
    const whole = ranges.length === 1 && ranges[0]!.first && !ranges[0]!.trimmed;
    const spans: { from: number; to: number }[] = [];
    for (const { offset, messageId } of this.#rewinds) {
      let from = -Infinity;
      if (messageId !== "") {
        const anchors = (["user", "assistant", "thought"] as const)
          .map((kind) => this.#find(keyOf(kind, messageId)))
          .filter((item) => item?.listed && item.order < offset)
          .map((item) => item!.order);
        if (anchors.length) from = Math.max(...anchors);
        else if (whole) continue;
      }
      spans.push({ from, to: offset });
    }
    spans.sort((a, b) => a.from - b.from);
    const changed: Item[] = [];
    let reach = -Infinity;
    let next = 0;
    for (const item of items) {
      while (next < spans.length && spans[next]!.from < item.order) reach = Math.max(reach, spans[next++]!.to);
      const struck = CONVERSATION.has(item.kind) && item.order < reach;
      if (struck === item.struck) continue;
      item.struck = struck;
      item.revision++;
      changed.push(item);
    }
    return changed;
  }
}
