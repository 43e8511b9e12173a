/** Why the link or a session is not to be had, in words, with what to do. Codes: docs/spec.md section 8. */
import { Layer, type Problem } from "@libremote/link/messages";

export interface ProblemWords {
  /** What is the matter, as half a sentence: it stands behind "not connected:". */
  what: string;
  /** What a person can do; empty: nothing, it comes back by itself. */
  todo: string;
  action: "none" | "sign-in" | "reload";
}

/** Who decided, as "decided by …" goes on; undefined: not a matter of policy. */
export function layerWords(layer: Layer): string | undefined {
  switch (layer) {
    case Layer.ENTERPRISE:
      return "enterprise policy";
    case Layer.ORGANIZATION:
      return "organization policy";
    case Layer.ACCOUNT:
      return "the account";
    case Layer.SESSION:
      return "the session's own mode";
    case Layer.DEVICE:
      return "the device's rules";
    default:
      return undefined;
  }
}

const REASON_CHARACTERS_MAX = 300;
/** What the other side wrote, bounded and on one line. */
const said = (problem: Problem): string => problem.reason.replace(/\s+/g, " ").trim().slice(0, REASON_CHARACTERS_MAX);

function decided(problem: Problem): string {
  const layer = layerWords(problem.layer);
  if (!layer) return "";
  return `; decided by ${layer}${problem.retryHelps ? ", trying again later can help" : ""}`;
}

function known(problem: Problem): ProblemWords | undefined {
  switch (problem.code) {
    case 0:
      return { what: "the relay ended the connection", todo: "", action: "none" };
    case 1001:
      return { what: "the relay is stopping or being restarted", todo: "", action: "none" };
    case 1002:
      return { what: "nothing was heard from the relay any more", todo: "", action: "none" };
    case 1003:
      return { what: "the relay had a fault", todo: "", action: "none" };
    case 1004:
      return { what: "the relay asks to slow down", todo: "", action: "none" };
    case 3001:
      return { what: "this browser is not signed in", todo: "Sign in again.", action: "sign-in" };
    case 3002:
      return { what: "this device may not do that", todo: said(problem), action: "none" };
    case 3003:
      return {
        what: "this device was revoked",
        todo: "Somebody with this account took its sign-in back. Sign in again if this device is yours.",
        action: "sign-in",
      };
    case 3004:
      return { what: "a newer connection of this page has taken over", todo: "Reload the page to go on here.", action: "reload" };
    case 3006:
      return {
        what: "the relay and this page speak different versions",
        todo: "Reload the page to get the relay's newest one. If that does not help, the relay is the older of the two.",
        action: "reload",
      };
    case 3007:
      return {
        what: `remote control is not allowed here${decided(problem)}`,
        todo: said(problem) || "Whoever administers that policy can change it.",
        action: problem.retryHelps ? "reload" : "none",
      };
    case 3009:
      return { what: "there is no such session for this account", todo: "It was deleted, or it belongs to another account.", action: "none" };
    default:
      return undefined;
  }
}

/** Total: an unknown code is told by its thousand, with what the other side said. */
export function problemWords(problem: Problem): ProblemWords {
  const words = known(problem);
  if (words) return words;
  const reason = said(problem);
  const what = reason === "" ? `code ${problem.code}` : `${reason} (code ${problem.code})`;
  switch (Math.floor(problem.code / 1000)) {
    case 0:
    case 1:
    case 2:
      return { what, todo: "", action: "none" };
    case 3:
      return { what: `${what}${decided(problem)}`, todo: "Somebody must act before this can work again.", action: "none" };
    default:
      return { what, todo: "That is a fault of the page or the relay: reload, and report it if it stays.", action: "reload" };
  }
}
