/** What rows need besides their item. */
import { signal, type Signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { SessionModel } from "../state/session.ts";
import type { ListControl } from "./list_control.ts";
import { TimelineStore } from "./store.ts";

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

const stores = new WeakMap<SessionModel, TimelineStore>();

/** The session's timeline. Made while the model is: nothing it tells is missed. */
export function timelineOf(model: SessionModel): TimelineStore {
  let store = stores.get(model);
  if (!store) {
    store = new TimelineStore(model.session, (listener) => model.onNews(listener));
    stores.set(model, store);
  }
  return store;
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
