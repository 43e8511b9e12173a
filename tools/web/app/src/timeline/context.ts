/** What rows need besides their item. */
import { computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { fromBytes } from "./clean.ts";
import type { SessionModel } from "../state/session.ts";
import type { ListControl } from "./list_control.ts";
import type { TimelineStore } from "./store.ts";

export interface TimelineScope {
  model: SessionModel;
  store: TimelineStore;
  list: ListControl;
}

export const Scope = createContext<TimelineScope | undefined>(undefined);

export function useScope(): TimelineScope {
  const scope = useContext(Scope);
  if (!scope) throw new Error("a row outside of the timeline");
  return scope;
}

/** The folder that the session works in; empty: not known. */
export const folderOf = (model: SessionModel): string => {
  const cwd = model.view.peek()?.session?.cwd;
  return cwd ? fromBytes(cwd) : "";
};

const asked = new WeakMap<SessionModel, ReadonlySignal<string>>();

/** A question about that tool call is open. Its own signal: rows are not drawn anew with every other change of the view. */
export function isAsked(model: SessionModel, toolCallId: string): boolean {
  let ids = asked.get(model);
  if (!ids) asked.set(model, (ids = computed(() => JSON.stringify(model.view.value?.asks.map((ask) => ask.toolCallId) ?? []))));
  return (JSON.parse(ids.value) as string[]).includes(toolCallId);
}

const flags = new WeakMap<TimelineStore, Map<string, Signal<boolean>>>();

/** What a person has opened stays open while its row is not in the page. */
export function flagOf(store: TimelineStore, name: string, initial: boolean): Signal<boolean> {
  let all = flags.get(store);
  if (!all) flags.set(store, (all = new Map()));
  let flag = all.get(name);
  if (!flag) all.set(name, (flag = signal(initial)));
  return flag;
}
