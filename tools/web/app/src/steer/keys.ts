/** y, n and the options' numbers, as in the terminal: only for the one question that is open, and never while writing. */
import { useEffect, useRef } from "preact/hooks";
import { canDecline, takesSeveral, takesWords, type Answer } from "./answers.ts";
import { isBig, offered, onceOption, rejection } from "./options.ts";
import type { AskEntry } from "./store.ts";

/** What a key answers; undefined: nothing. Pure. */
export function keyAnswer(ask: AskEntry["ask"], key: string): Answer | undefined {
  if (ask.kind.case === "form") return undefined;
  const options = offered(ask);
  if (/^[1-9]$/.test(key)) {
    const option = options[Number(key) - 1];
    // what lasts is not given by one key
    return option && !takesSeveral(ask) && (isBig(option) || ask.kind.case === "question") ? { optionId: option.optionId } : undefined;
  }
  if (takesWords(ask)) return undefined;
  if (key === "y") {
    const yes = onceOption(ask, true);
    return yes ? { optionId: yes.optionId } : undefined;
  }
  if (key === "n") {
    const no = rejection(ask);
    if (no) return { optionId: no.optionId };
    return canDecline(ask) ? { declined: true } : undefined;
  }
  return undefined;
}

const WRITES = "input, textarea, select, [contenteditable], dialog";

export function useAskKeys(entry: AskEntry, on: boolean, answer: (given: Answer) => boolean): void {
  const now = useRef({ entry, on, answer });
  now.current = { entry, on, answer };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { entry: at, on: listens, answer: give } = now.current;
      if (!listens || event.defaultPrevented || event.repeat || event.isComposing) return;
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.target instanceof Element && event.target.closest(WRITES)) return;
      const given = keyAnswer(at.ask, event.key);
      if (given && give(given)) event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}
