/** What is being written on a card: it outlives the card's folding and an answer that was refused. */
import { useState } from "preact/hooks";
import type { SteerStore } from "./store.ts";

export function useKept<T>(store: SteerStore, askId: string, name: string, initial: () => T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => (store.written(askId).get(name) as T | undefined) ?? initial());
  return [value, (now) => {
    store.written(askId).set(name, now);
    setValue(() => now);
  }];
}
