/** An item's state from its pieces: what a snapshot says of it, its durable events in order, and the tails that lie over them. */
import type { Event } from "@libremote/link/messages";
import { addDelta, addWhole, baseText, cloneText, newText } from "./fold_text.ts";
import { addToolEvent, baseEnded, baseRunning, cloneTool, newTool } from "./fold_tool.ts";
import type { Folds, Item, Kind, TextFold, ToolFold } from "./items.ts";

type Made = { [K in Kind]: () => Folds[K] };

const make: Omit<Made, "tool" | "gap" | "edge"> = {
  user: () => ({ message: undefined }),
  assistant: newText,
  thought: newText,
  ask: () => ({ ask: undefined, resolved: undefined, resolvedMs: 0, authorized: false }),
  subagent: () => ({ started: undefined, ended: undefined, endedMs: 0 }),
  compaction: () => ({ started: false, ended: undefined }),
  turn: () => ({ started: undefined, startedMs: 0, ended: undefined }),
  line: () => ({ body: { case: undefined } }),
};

function addText(fold: TextFold, event: Event, durable: boolean): void {
  const body = event.body;
  if (body.case === "assistantDelta" || body.case === "thoughtDelta")
    addDelta(fold, Number(body.value.position), body.value.text, durable);
  else if (body.case === "assistantMessage" || body.case === "thought") addWhole(fold, body.value);
}

/** One event onto a state; the state is changed. */
function add<K extends Kind>(item: Item<K>, fold: Folds[K], event: Event, durable: boolean): void {
  const body = event.body;
  switch (item.kind as Kind) {
    case "assistant":
    case "thought":
      addText(fold as TextFold, event, durable);
      break;
    case "tool":
      addToolEvent(fold as ToolFold, event, durable);
      break;
    case "user":
      if (body.case === "userMessage") (fold as Folds["user"]).message = body.value;
      break;
    case "ask": {
      const ask = fold as Folds["ask"];
      if (body.case === "askOpened") ask.ask = body.value.ask;
      else if (body.case === "toolAuthorized") ask.authorized = true;
      else if (body.case === "askResolved") {
        ask.resolved = body.value;
        ask.resolvedMs = Number(body.value.atMs || event.atMs);
      }
      break;
    }
    case "subagent": {
      const sub = fold as Folds["subagent"];
      if (body.case === "subagentStarted") sub.started = body.value;
      else if (body.case === "subagentEnded") {
        sub.ended = body.value;
        sub.endedMs = Number(event.atMs);
      }
      break;
    }
    case "compaction": {
      const compaction = fold as Folds["compaction"];
      if (body.case === "compactionStarted") compaction.started = true;
      else if (body.case === "compactionEnded") compaction.ended = body.value;
      break;
    }
    case "turn": {
      const turn = fold as Folds["turn"];
      if (body.case === "turnStarted") {
        turn.started = body.value;
        turn.startedMs = Number(event.atMs);
      } else if (body.case === "turnEnded") turn.ended = body.value;
      break;
    }
    case "line":
      (fold as Folds["line"]).body = body;
      break;
    default:
      break;
  }
}

/** The item's beginning is among its pieces from that offset on: what a snapshot says is not needed. */
export function hasStart(item: Item, from: number): boolean {
  return item.pieces.some(({ offset, event: { body } }) => {
    if (offset < from) return false;
    switch (body.case) {
      case "toolStarted":
      case "askOpened":
      case "userMessage":
      case "subagentStarted":
        return true;
      case "assistantDelta":
      case "thoughtDelta":
      case "assistantMessage":
      case "thought":
        return body.value.position === 0n;
      default:
        return false;
    }
  });
}

function addBase<K extends Kind>(item: Item<K>, fold: Folds[K]): void {
  const base = item.base;
  if (!base || !item.useBase) return;
  if (base.case === "ask") (fold as Folds["ask"]).ask = base.ask;
  else if (base.case === "tool") baseRunning(fold as ToolFold, base.tool);
  else
    for (const one of base.items) {
      const { item: what } = one;
      if (what.case === "tool") baseEnded(fold as ToolFold, one, what.value);
      else if (what.case === "user") (fold as Folds["user"]).message = what.value;
      else if (what.case === "notice") (fold as Folds["line"]).body = { case: "notice", value: what.value };
      else baseText(fold as TextFold, [one]);
    }
}

interface Cache {
  durable: unknown;
  pieces: number;
  /** With tails. */
  all: unknown;
  tails: number;
}
const caches = new WeakMap<Item, Cache>();

/** Pieces were put before or between others, or what a snapshot says has gone: it is folded anew when it is next read. */
export function forget(item: Item): void {
  caches.delete(item);
}

/** For rows that have no events of their own. */
export function setState<K extends Kind>(item: Item<K>, state: Folds[K]): void {
  caches.set(item as unknown as Item, { durable: state, pieces: 0, all: undefined, tails: 0 });
}

/** The state now. It lives on: the next event may change it. */
export function stateOf<K extends Kind>(item: Item<K>): Folds[K] {
  let cache = caches.get(item as unknown as Item);
  if (!cache) {
    const fresh = item.kind === "tool" ? newTool(item.key.slice(2)) : make[item.kind as keyof typeof make]();
    addBase(item, fresh as Folds[K]);
    cache = { durable: fresh, pieces: 0, all: undefined, tails: 0 };
    while (item.useBase && cache.pieces < item.pieces.length && item.pieces[cache.pieces]!.offset < item.baseFrom) cache.pieces++;
    caches.set(item as unknown as Item, cache);
  }
  if (cache.pieces < item.pieces.length) {
    for (; cache.pieces < item.pieces.length; cache.pieces++) add(item, cache.durable as Folds[K], item.pieces[cache.pieces]!.event, true);
    cache.all = undefined;
  }
  if (item.tail.length === 0) {
    cache.all = undefined;
    return cache.durable as Folds[K];
  }
  if (cache.all === undefined || cache.tails > item.tail.length) {
    cache.all = item.kind === "tool" ? cloneTool(cache.durable as ToolFold) : cloneText(cache.durable as TextFold);
    cache.tails = 0;
  }
  for (; cache.tails < item.tail.length; cache.tails++) add(item, cache.all as Folds[K], item.tail[cache.tails]!, false);
  return cache.all as Folds[K];
}
