/** y, n and the options' numbers, as in the terminal: only for the one question that is open, and never while writing. */
import { useEffect, useRef } from "preact/hooks";
import { canDecline, takesSeveral, takesWords, type Answer } from "./answers.ts";
import { asOptions } from "./form.ts";
import { isBig, offered, onceOption, rejection } from "./options.ts";
import type { AskEntry } from "./store.ts";

/** What the option at that place is answered with by its number; undefined: no number does that. */
function numbered(ask: AskEntry["ask"], at: number): Answer | undefined {
  const choices = ask.kind.case === "form" ? asOptions(ask.kind.value) ?? [] : offered(ask);
  // the 1 of somebody who means 12 must answer nothing
  if (choices.length > 9) return undefined;
  const choice = choices[at];
  if (!choice) return undefined;
  if ("json" in choice) return { json: choice.json };
  // what lasts is not given by one key
  return !takesSeveral(ask) && (isBig(choice) || ask.kind.case === "question") ? { optionId: choice.optionId } : undefined;
}

/** The number that is shown on the option at that place: only one that answers. */
export const shownNumber = (ask: AskEntry["ask"], at: number, listens: boolean): number | undefined =>
  listens && numbered(ask, at) ? at + 1 : undefined;

/** What a key answers; undefined: nothing. Pure. */
export function keyAnswer(ask: AskEntry["ask"], key: string): Answer | undefined {
  if (/^[1-9]$/.test(key)) return numbered(ask, Number(key) - 1);
  if (ask.kind.case === "form" || takesWords(ask)) return undefined;
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
