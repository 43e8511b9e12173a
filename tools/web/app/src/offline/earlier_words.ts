/** Where an earlier command stands, in words. */
import { CommandOutcomeKind } from "@libremote/link/messages";
import type { Earlier } from "./earlier.ts";

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
