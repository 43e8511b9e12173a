/** Asks and their ends in words; the terminal says the same (docs/terminal.md). */
import {
  AskOutcome, OnExpiry, PermissionKind, Place, type Actor, type Ask, type AskResolved, type AnswerContent,
} from "@libremote/link/messages";
import { answerInWords } from "./form.ts";
import { plainText, short } from "./foreign.ts";
import { kindFacts, label } from "./options.ts";

/** data-kind: as `remote asks --json` names it. */
export function askKindName(ask: Ask): string {
  switch (ask.kind.case) {
    case "openUrl":
      return "open_url";
    case undefined:
      return "unknown";
    default:
      return ask.kind.case;
  }
}

const permissionWords: Record<PermissionKind, string> = {
  [PermissionKind.UNSPECIFIED]: "Allow this?",
  [PermissionKind.COMMAND]: "Run this command?",
  [PermissionKind.WRITE]: "Make this change?",
  [PermissionKind.READ]: "Read this?",
  [PermissionKind.PATH]: "Leave the workspace?",
  [PermissionKind.URL]: "Fetch this address?",
  [PermissionKind.MCP]: "Use this tool?",
  [PermissionKind.MEMORY]: "Store or read memories?",
  [PermissionKind.CUSTOM_TOOL]: "Use this tool?",
  [PermissionKind.HOOK]: "A hook asks",
  [PermissionKind.EXTENSION]: "Give this extension access?",
  [PermissionKind.OTHER]: "Allow this?",
};

/** The card's heading: what kind of answer is wanted. */
export function askHeading(ask: Ask): string {
  switch (ask.kind.case) {
    case "permission":
      return permissionWords[ask.kind.value.kind] ?? permissionWords[PermissionKind.OTHER];
    case "question":
      return "A question";
    case "plan":
      return "Approve this plan?";
    case "form":
      return ask.kind.value.fields.length === 1 ? "A question" : "A form to fill in";
    case "openUrl":
      return "A page to open";
    case "limit":
      return "A limit was reached";
    default:
      return "The agent asks";
  }
}

/** What is asked, in the agent's words. */
export function askText(ask: Ask): string {
  switch (ask.kind.case) {
    case "permission":
      return ask.kind.value.title || ask.kind.value.command;
    case "plan":
      return ask.kind.value.summary;
    case "question":
    case "form":
    case "openUrl":
    case "limit":
      return ask.kind.value.text;
    default:
      return "Something that this page does not know. Its options are the agent's.";
  }
}

/** What is to be allowed is there itself: the command, the change, the address. */
export function saysItself(ask: Ask): boolean {
  const p = ask.kind.case === "permission" ? ask.kind.value : undefined;
  return p !== undefined && (p.command !== "" || p.url !== "" || p.diffs.length > 0);
}

/** A title that says more than the command itself: not "Runs: make" above `make`. */
export function titleBeside(title: string, command: string): string {
  if (title === "" || command === "") return title;
  const rest = title.split(command).join(" ").replace(/[^\p{L}\p{N}]+/gu, " ").trim();
  return title.includes(command) && rest.length <= 8 ? "" : title;
}

/** What it is about, on one line: for a folded card and for reading aloud. */
export function askLine(ask: Ask): string {
  const kind = ask.kind;
  if (kind.case === "permission") {
    const p = kind.value;
    return plainText(p.command || p.url || p.title || p.tool);
  }
  if (kind.case === "openUrl") return plainText(kind.value.url);
  return plainText(askText(ask) || askHeading(ask));
}

/** Said aloud once when it opens. */
export function askAnnouncement(ask: Ask): string {
  const labels = ask.options.map((option) => short(plainText(label(option)), 60));
  const why = ask.why ? ` ${short(plainText(ask.why), 200)}` : "";
  const choices = labels.length > 0 ? ` Options: ${labels.join(", ")}.` : "";
  return `The agent asks. ${askHeading(ask)} ${short(askLine(ask), 400)}.${why}${choices}`;
}

export function placeWords(place: Place): string {
  if (place === Place.INSIDE_WORKSPACE) return "inside the workspace";
  if (place === Place.OUTSIDE_WORKSPACE) return "OUTSIDE the workspace";
  return "";
}

export function expiryWords(onExpiry: OnExpiry): string {
  return onExpiry === OnExpiry.REJECT ? "then the agent is told no" : "then the agent is told that nobody answered";
}

/** "phone (ann)", or "at the host's own terminal"; empty: nobody is named. */
export function actorWords(by: Actor | undefined): string {
  if (!by) return "";
  if (by.local) return "at the host's own terminal";
  if (!by.origin) return "";
  const { account, device } = by.origin;
  const name = short(plainText(account || "somebody"), 60);
  return device ? `${name} on ${short(plainText(device), 60)}` : name;
}

/** What was answered, in the words of the ask's own labels. */
export function answerWords(ask: Ask | undefined, answer: Partial<AnswerContent>, kind = 0): string {
  if (answer.declined) return "declined";
  const named = (id: string) => {
    const option = ask?.options.find((o) => o.optionId === id);
    return short(plainText(option ? label(option) : id), 120);
  };
  const parts: string[] = [];
  if (answer.optionId) parts.push([answer.optionId, ...(answer.moreOptionIds ?? [])].map(named).join(", "));
  if (answer.text) parts.push(`“${short(plainText(answer.text), 200)}”`);
  if (answer.json) {
    const words = answerInWords(ask?.kind.case === "form" ? ask.kind.value : undefined, answer.json);
    parts.push(short(plainText(words ?? answer.json), 200));
  }
  if (parts.length > 0) return parts.join(", ");
  return kindFacts(kind).words || "answered without words";
}

const ends: Record<AskOutcome, string> = {
  [AskOutcome.UNSPECIFIED]: "Ended",
  [AskOutcome.ANSWERED]: "Answered",
  [AskOutcome.EXPIRED]: "Expired: nobody answered in time",
  [AskOutcome.WITHDRAWN]: "Taken back by the agent",
  [AskOutcome.CANCELLED]: "The turn was stopped",
  [AskOutcome.ORPHANED]: "Void: the agent that asked is gone",
};

export function askOutcomeName(outcome: AskOutcome): string {
  return (AskOutcome[outcome] ?? "ended").toLowerCase();
}

/** How it ended. `mine`: this page's own answer did it. */
export function resolutionWords(ask: Ask | undefined, resolved: AskResolved, mine: boolean): string {
  const reason = resolved.reason ? ` (${short(plainText(resolved.reason), 200)})` : "";
  if (resolved.outcome !== AskOutcome.ANSWERED) {
    const by = actorWords(resolved.by);
    const who = by ? (resolved.by?.local ? ` ${by}` : ` by ${by}`) : "";
    return `${ends[resolved.outcome] ?? ends[AskOutcome.UNSPECIFIED]}${who}${reason}`;
  }
  const by = actorWords(resolved.by);
  const who = mine ? "by you" + (resolved.by?.origin?.device ? ` on ${short(plainText(resolved.by.origin.device), 60)}` : "")
    : resolved.by?.local ? by : by ? `by ${by}` : "";
  const what = resolved.answer ? answerWords(ask, resolved.answer, resolved.optionKind) : "";
  const comment = resolved.answer?.comment ? `; comment: “${short(plainText(resolved.answer.comment), 200)}”` : "";
  return `Answered${who ? ` ${who}` : ""}${what ? `: ${what}` : ""}${comment}${reason}`;
}
