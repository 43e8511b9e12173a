/** The conversation of a session. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { Icon } from "../parts/icon.tsx";
import type { SessionModel } from "../state/session.ts";
import { oneLine } from "./clean.ts";
import { Scope } from "./context.ts";
import { stateOf } from "./fold.ts";
import { wholeText } from "./fold_text.ts";
import type { Item } from "./items.ts";
import { List } from "./list.tsx";
import { ListControl } from "./list_control.ts";
import type { TimelineStore } from "./store.ts";
import { ItemRow } from "./rows/row.tsx";
import { toolTitle } from "./rows/tool.tsx";
import { Toolbar } from "./toolbar.tsx";
import { actorWords, askTitle } from "./words.ts";

/** data-kind: the item's kind; of one-line events the body's name. */
function kindOf(item: Item): string {
  return item.is("line") ? stateOf(item).body.case ?? "line" : item.kind;
}

/** What a screen reader says when it comes to the row. */
function nameOf(item: Item): string {
  if (item.is("user")) return `Prompt of ${actorWords(stateOf(item).message?.by) || "a person"}`;
  if (item.is("assistant")) return "Answer of the agent";
  if (item.is("thought")) return "Thought";
  if (item.is("tool")) return `Tool: ${oneLine(toolTitle(stateOf(item)), 100)}`;
  if (item.is("ask")) {
    const { ask } = stateOf(item);
    return `Question: ${ask ? oneLine(askTitle(ask), 100) : ""}`;
  }
  if (item.is("subagent")) return "Sub-agent";
  return item.kind === "gap" ? "Events that are not loaded" : "Note";
}

const render = (item: Item) => <ItemRow item={item} />;

export function Timeline({ model }: { model: SessionModel }) {
  const store = model.timeline;
  const list = useMemo(() => new ListControl(() => store.appended.peek()), [store]);
  const scope = useMemo(() => ({ model, store, list }), [model, store, list]);
  return (
    <Scope.Provider value={scope}>
      <section class="timeline" data-testid="timeline" aria-label="Conversation">
        <h2 class="hidden-words">Conversation</h2>
        <Toolbar />
        <div class="tl-body">
          <List store={store} list={list} row={render} nameOf={nameOf} kindOf={kindOf} />
          <First model={model} store={store} />
          <Latest list={list} store={store} />
        </div>
        <Said store={store} />
      </section>
    </Scope.Provider>
  );
}

function First({ model, store }: { model: SessionModel; store: TimelineStore }) {
  void store.list.value;
  if (store.model.items.length > 0) return null;
  const closed = model.closed.value;
  if (closed?.final) return <p class="tl-first muted" role="status">This session cannot be shown: {oneLine(closed.problem.reason) || `error ${closed.problem.code}`}</p>;
  const synced = model.synced.value;
  return (
    <p class="tl-first muted" role="status">
      {synced ? "Nothing has happened in this session yet." : <><span class="spinner" aria-hidden="true" /> Loading the conversation</>}
    </p>
  );
}

/** Shown while the end is not followed: how to get there, and how much came. */
function Latest({ list, store }: { list: ListControl; store: TimelineStore }) {
  if (list.following.value) return null;
  const fresh = store.appended.value - list.leftAt.value;
  return (
    <button type="button" class="tl-latest" data-testid="jump-latest" onClick={() => list.toEnd()}>
      <Icon name="to-end" /> Jump to latest{fresh > 0 && ` (${fresh} new)`}
    </button>
  );
}

/** For screen readers: messages when they are finished, not each piece of them. */
function Said({ store }: { store: TimelineStore }) {
  const words = useSignal("");
  useEffect(() => {
    const told = new Set<string>();
    return store.onSettled(({ changed }) => {
      if (!store.live.peek()) return;
      for (const item of changed) {
        if (!item.is("assistant") || !item.listed || told.has(item.key) || item.tail.length > 0) continue;
        const fold = stateOf(item);
        const last = item.pieces.at(-1)?.event.body.case;
        if (fold.open || last !== "assistantMessage" || item.order < (store.model.items.at(-12)?.order ?? 0)) continue;
        told.add(item.key);
        words.value = `The agent: ${oneLine(wholeText(fold), 400)}`;
      }
    });
  }, [store]);
  return <div class="hidden-words" role="status" aria-live="polite">{words}</div>;
}
