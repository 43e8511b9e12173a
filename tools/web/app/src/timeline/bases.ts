/** What a snapshot shows before events are loaded: the last messages, the tools that run, the asks that are open. */
import type { HistoryItem, SessionState } from "@libremote/link/messages";
import type { Base, Kind } from "./items.ts";
import { hexOf, keyOf, signature } from "./targets.ts";

export interface BaseItem {
  kind: Kind;
  key: string;
  base: Base;
  atMs: number;
  turnId: string;
  agentId: string;
  signature: string | undefined;
}

function historyItem(item: HistoryItem, fallback: string): Omit<BaseItem, "base"> | undefined {
  const what = item.item;
  const facts = { atMs: Number(item.atMs), turnId: item.turnId, agentId: item.agentId };
  const of = (kind: Kind, id: string, text: string) => ({
    kind, key: id === "" ? fallback : keyOf(kind, id), ...facts, signature: id === "" ? signature(kind, item.atMs, text) : undefined,
  });
  switch (what.case) {
    case "user":
      return of("user", what.value.messageId, what.value.text);
    case "assistant":
      return of("assistant", what.value.messageId, what.value.text);
    case "thought":
      return of("thought", what.value.messageId, what.value.text);
    case "tool":
      return of("tool", what.value.toolCallId, what.value.title);
    case "notice":
      return { kind: "line", key: fallback, ...facts, signature: signature("notice", item.atMs, what.value.text) };
    default:
      return undefined;
  }
}

export function basesOf(state: SessionState, offset: number): BaseItem[] {
  const out = new Map<string, BaseItem>();
  state.history.forEach((item, index) => {
    const made = historyItem(item, `b:${offset}:${index}`);
    if (!made) return;
    const there = out.get(made.key);
    if (there && there.base.case === "history") there.base.items.push(item);
    else out.set(made.key, { ...made, base: { case: "history", items: [item] } });
  });
  for (const tool of state.tools) {
    if (tool.toolCallId === "") continue;
    const key = keyOf("tool", tool.toolCallId);
    out.set(key, { kind: "tool", key, base: { case: "tool", tool }, atMs: 0, turnId: state.turnId, agentId: "", signature: undefined });
  }
  for (const ask of state.asks) {
    const key = keyOf("ask", hexOf(ask.askId));
    out.set(key, {
      kind: "ask", key, base: { case: "ask", ask }, atMs: Number(ask.openedMs), turnId: ask.turnId, agentId: ask.agentId, signature: undefined,
    });
  }
  return [...out.values()];
}
