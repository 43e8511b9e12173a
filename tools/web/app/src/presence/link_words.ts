/** The facts of the link to the relay, in words. It is never called connected while nothing is heard. */
import type { ConnectionFacts } from "@libremote/link";
import { duration, remaining } from "../parts/words.ts";
import { problemWords, type ProblemWords } from "./problems.ts";

/** What the page knows besides the connection's own facts; times are Unix ms of this device. */
export interface LinkContext {
  now: number;
  /** When the last byte came; the facts' own may be older. */
  lastHeard: number | undefined;
  /** Since when there is no connection; undefined: there is one, or there never was. */
  lostSince: number | undefined;
  /** The device says that it has no network. */
  offline: boolean;
  /** What else was found out about the way (reach.ts); empty: nothing. */
  reach?: string;
}

export interface LinkWords {
  /** live: heard lately. checking: it was there, a sign of life is awaited. lost: comes back by itself. dead: a person must act. */
  state: "loading" | "live" | "checking" | "connecting" | "lost" | "dead";
  /** One short line. */
  line: string;
  /** More of it, for whoever wants to know. */
  detail: string;
  /** Seconds until it is tried again. */
  countdown?: number;
  problem?: ProblemWords;
}

/** A relay that is there says something every 10 s while somebody looks. */
export const SILENT_MS = 15_000;

const heard = (context: LinkContext): string =>
  context.lastHeard === undefined ? "" : `last heard ${duration(context.now - context.lastHeard)} ago`;

function why(facts: ConnectionFacts, context: LinkContext): string {
  if (context.reach) return context.reach;
  if (facts.problem) return problemWords(facts.problem).what;
  return "the relay cannot be reached";
}

function live(facts: ConnectionFacts, context: LinkContext): LinkWords {
  if (facts.welcome && !facts.welcome.principal)
    return { state: "dead", line: "not signed in", detail: "", problem: { what: "not signed in", todo: "Sign in to see your sessions.", action: "sign-in" } };
  const last = context.lastHeard ?? 0;
  const silent = context.now - last;
  if (facts.probing || silent > SILENT_MS)
    return { state: "checking", line: "checking the connection…", detail: heard(context) };
  return {
    state: "live",
    line: `relay heard ${duration(silent)} ago`,
    detail: `connected ${duration(context.now - facts.since)}, last byte heard ${duration(silent)} ago`,
  };
}

export function linkWords(facts: ConnectionFacts | undefined, context: LinkContext): LinkWords {
  if (!facts) return { state: "loading", line: "loading the link…", detail: "" };
  const lost = context.lostSince === undefined ? "" : `not connected for ${duration(context.now - context.lostSince)}`;
  const join = (...parts: string[]): string => parts.filter(Boolean).join(", ");
  switch (facts.phase) {
    case "live":
      return live(facts, context);
    case "connecting":
    case "greeting":
      if (context.lostSince === undefined && facts.failures === 0) return { state: "connecting", line: "connecting…", detail: "" };
      return { state: "connecting", line: "connecting again…", detail: join(lost, why(facts, context), heard(context)) };
    case "waiting": {
      const words: LinkWords = context.offline
        ? { state: "lost", line: "offline", detail: join("this device has no network", lost, heard(context)) }
        : { state: "lost", line: `not connected: ${why(facts, context)}`, detail: join(lost, heard(context)) };
      if (facts.nextAttempt !== undefined) words.countdown = remaining(facts.nextAttempt, context.now);
      return words;
    }
    case "closed":
      return { state: "dead", line: "this page has ended its connection", detail: "", problem: {
        what: "this page has ended its connection", todo: "Reload the page to connect again.", action: "reload" } };
    case "dead": {
      const problem = facts.problem
        ? problemWords(facts.problem)
        : { what: "the connection has ended", todo: "Reload the page to connect again.", action: "reload" as const };
      return { state: "dead", line: `not connected: ${problem.what}`, detail: join(lost, heard(context)), problem };
    }
  }
}
