/** What became of what this browser had given before the page was loaded, and what it still holds. */
import { CommandOutcomeKind } from "@libremote/link/messages";
import { useEffect } from "preact/hooks";
import { Button, IconButton, toast } from "../parts/index.ts";
import type { Earlier, EarlierCommands } from "./earlier.ts";
import { stateWords } from "./earlier_words.ts";

const SEEN_MS = 8_000;

export function EarlierList({ earlier }: { earlier: EarlierCommands }) {
  const list = earlier.list.value;
  if (list.length === 0) return null;
  return (
    <ul class="earlier" aria-label="Given before this page was loaded">
      {list.map((one) => <EarlierRow key={one.entry.id} one={one} earlier={earlier} />)}
    </ul>
  );
}

function EarlierRow({ one, earlier }: { one: Earlier; earlier: EarlierCommands }) {
  const { entry, state } = one;
  const words = stateWords(one);
  const seen = state.at === "done" && state.outcome === CommandOutcomeKind.APPLIED;
  useEffect(() => {
    if (!seen) return;
    const timer = setTimeout(() => earlier.dismiss(entry.id), SEEN_MS); // from now on the conversation shows it
    return () => clearTimeout(timer);
  }, [seen]);
  const again = () => {
    if (!earlier.sendAgain(entry.id)) toast("It cannot be sent now: the session is not connected.", { tone: "bad" });
  };
  return (
    <li class={`earlier-row ${words.tone}`} data-testid="earlier" data-command={entry.id} data-state={state.at}>
      <p><span class="one-line earlier-text"><bdi>{entry.text}</bdi></span><span class="small">{words.text}</span></p>
      {(state.at === "not-known" || state.at === "unsent") && entry.command !== "" && <Button onClick={again}>{state.at === "unsent" ? "Send" : "Send again"}</Button>}
      {state.at !== "asking" && state.at !== "pending" && (
        <IconButton icon="close" label={state.at === "here" ? "Take it back" : "Dismiss"} onClick={() => earlier.dismiss(entry.id)} />
      )}
    </li>
  );
}
