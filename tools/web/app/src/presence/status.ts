/** What an agent is doing, in the words that all pages use. */
import { Status, type SessionEntry } from "@libremote/link/messages";
import type { Tone } from "../parts/badge.tsx";
import type { IconName } from "../parts/icon.tsx";

export interface StatusWords {
  words: string;
  tone: Tone;
  icon: IconName;
}

/** `was`: there is no way to the host, so what it did last may be over by now. */
export function statusWords(status: Status, was = false): StatusWords {
  switch (status) {
    case Status.IDLE:
      return { words: was ? "was idle" : "idle", tone: "neutral", icon: "pause" };
    case Status.WORKING:
      return was ? { words: "was working", tone: "neutral", icon: "clock" } : { words: "working", tone: "info", icon: "pulse" };
    case Status.NEEDS_INPUT:
      return { words: "needs an answer", tone: "warn", icon: "ask" };
    case Status.ERROR:
      return { words: "failed", tone: "bad", icon: "error" };
    case Status.ENDED:
      return { words: "ended", tone: "neutral", icon: "check" };
    default:
      return { words: "not known yet", tone: "neutral", icon: "info" };
  }
}

const decoder = new TextDecoder();
/** Paths are bytes as the system has them; what is no UTF-8 shows as U+FFFD. */
export const pathText = (bytes: Uint8Array | undefined): string => (bytes ? decoder.decode(bytes) : "");

export function titleOf(entry: SessionEntry | undefined): string {
  const cwd = pathText(entry?.description?.cwd);
  return entry?.info?.title || entry?.description?.title || cwd.split("/").filter(Boolean).pop() || "Session";
}
