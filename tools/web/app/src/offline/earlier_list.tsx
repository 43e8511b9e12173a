/** What became of what this browser had given before the page was loaded, and what it still holds. */
import { CommandOutcomeKind } from "@libremote/link/messages";
import { useEffect } from "preact/hooks";
import { Button, IconButton, toast } from "../parts/index.ts";
import type { Earlier, EarlierCommands } from "./earlier.ts";

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

/** Never more than is known. */
export function stateWords({ state }: Pick<Earlier, "state">): { text: string; tone: "calm" | "warn" | "bad" } {
  switch (state.at) {
    case "here":
      return { text: "kept in this browser; it is sent when the session is connected", tone: "calm" };
    case "unsent":
      return { text: "was never sent", tone: "warn" };
    case "asking":
      return { text: "given before this page was loaded; asking the host what became of it…", tone: "calm" };
    case "pending":
      return { text: "the host has it; it has no outcome yet", tone: "calm" };
    case "not-known":
      return state.stored
        ? { text: "unknown: the relay had stored it, but the host does not know it any more; it may have been done", tone: "bad" }
        : { text: "the host does not know it: it did not get there", tone: "bad" };
    case "done":
      return doneWords(state);
  }
}

function doneWords(state: { outcome: CommandOutcomeKind; code: number; reason: string }): { text: string; tone: "calm" | "warn" | "bad" } {
  const why = state.reason || (state.code > 0 ? `code ${state.code}` : "");
  switch (state.outcome) {
    case CommandOutcomeKind.APPLIED:
      return { text: "applied", tone: "calm" };
    case CommandOutcomeKind.REJECTED:
      return { text: `rejected${why ? `: ${why}` : ""}`, tone: "bad" };
    case CommandOutcomeKind.SUPERSEDED:
      return { text: "superseded: something else came first", tone: "warn" };
    case CommandOutcomeKind.EXPIRED:
      return { text: "expired before it could be done", tone: "warn" };
    case CommandOutcomeKind.WITHDRAWN:
      return { text: "withdrawn", tone: "calm" };
    default:
      return { text: "unknown: the host died while doing it, or lost its journal; it is never run again", tone: "bad" };
  }
}
