/** The protocol's codes in words: what happened, and what to do. Total over docs/spec.md section 8. */
import { Layer } from "@libremote/link/messages";

export interface CodeWords {
  words: string;
  /** What a person can do; empty: nothing, or nothing is needed. */
  todo: string;
}

const table: Readonly<Record<number, readonly [string, string?]>> = {
  0: ["done"],
  1001: ["the relay is being restarted", "it is tried again by itself"],
  1002: ["nothing was heard in time", "it is tried again by itself"],
  1003: ["the relay failed", "it is tried again by itself; the relay's log says more"],
  1004: ["the relay asks to slow down", "it is tried again in a while"],
  2001: ["the session's history began anew", "it is read again by itself"],
  2002: ["that part of the history is no longer kept"],
  2003: ["the place in the history was lost", "it is read again by itself"],
  3001: ["not signed in", "sign in again"],
  3002: ["not allowed for this device or account", "use the device that made the session"],
  3003: ["this device was signed out", "sign in again"],
  3004: ["another page took over this connection", "reload this page"],
  3005: ["another host has taken over this session"],
  3006: ["this page is too old for the session", "reload the page"],
  3007: ["remote control is switched off by policy", "ask who manages it"],
  3008: ["nobody can be asked at that session"],
  3009: ["there is no such session, or it was deleted"],
  4001: ["the two sides do not understand each other; this is a bug", "reload the page, and report it"],
  4002: ["something was over a limit", "reload the page, and report it"],
  4003: ["something could not be read; this is a bug", "reload the page, and report it"],
  4004: ["something could not be unpacked; this is a bug", "reload the page, and report it"],
  5001: ["the session was shared for viewing", "/remote on at the host allows more"],
  5002: ["policy allows this account to view, not to steer"],
  5003: ["this slash command is not allowed from here", "run it at the host"],
  5004: ["it does not make sense"],
  5005: ["there was no such question"],
  5006: ["that option was not offered"],
  5007: ["too many wait already", "try again when some are done"],
  5008: ["not now", "try again in a moment"],
  5009: ["the session has ended"],
  5010: ["the agent refused it"],
  5011: ["it would make the agent ask less", "choose it at the host's own terminal"],
  5012: ["too late: there is nothing any more to act on"],
};

/** What is known of a code by its thousand alone (docs/spec.md 8.1). */
const classes: Readonly<Record<number, readonly [string, string?]>> = {
  0: ["done"],
  1: ["the connection was interrupted", "it is tried again by itself"],
  2: ["the place in the history was lost", "it is read again by itself"],
  3: ["somebody has to act before this works again"],
  5: ["it was refused"],
};

export function codeWords(code: number): CodeWords {
  const found = table[code] ?? classes[Math.floor(code / 1000)] ?? ["a fault of the protocol", "reload the page, and report it"];
  return { words: found[0], todo: found[1] ?? "" };
}

export function knowsCode(code: number): boolean {
  return code in table;
}

const layers: Readonly<Record<number, string>> = {
  [Layer.ENTERPRISE]: "the enterprise's policy",
  [Layer.ORGANIZATION]: "the organization's policy",
  [Layer.ACCOUNT]: "the account",
  [Layer.SESSION]: "the session's own mode",
  [Layer.DEVICE]: "the device's rules",
};

/** Who decided; empty: not said. */
export function layerWords(layer: number): string {
  return layers[layer] ?? "";
}
