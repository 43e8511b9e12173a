/** What the timeline says, in the words of the terminal surface. */
import {
  AskOptionKind, AskOutcome, CommandKind, CommandOutcomeKind, EndReason, MessageDelivery, RemoteMode, ToolKind,
  type Actor, type Ask, type AskResolved, type CommandOutcome, type FormAsk, type Usage,
} from "@libremote/link/messages";
import { oneLine } from "./clean.ts";
import { answerInWords } from "../steer/form.ts";

/** "ada on phone", "the host's own terminal"; empty: nobody is told. */
export function actorWords(by: Actor | undefined): string {
  if (!by) return "";
  if (by.local) return "the host's own terminal";
  if (!by.origin) return "";
  const account = oneLine(by.origin.account, 63);
  const device = oneLine(by.origin.device, 63) || "an unnamed device";
  return account ? `${account} on ${device}` : device;
}

/** " by ada on phone", " at the host's own terminal". */
export function byWords(by: Actor | undefined): string {
  const who = actorWords(by);
  if (who === "") return "";
  return by!.local ? ` at ${who}` : ` by ${who}`;
}

export const deliveryWords = (delivery: MessageDelivery): string =>
  delivery === MessageDelivery.STEERED ? "steered into the turn" : delivery === MessageDelivery.QUEUED ? "was queued" : "";

export const TOOL_WORDS: { readonly [K in ToolKind]: string } = {
  [ToolKind.UNSPECIFIED]: "", [ToolKind.READ]: "Read", [ToolKind.EDIT]: "Edit", [ToolKind.DELETE]: "Delete", [ToolKind.MOVE]: "Move",
  [ToolKind.SEARCH]: "Search", [ToolKind.EXECUTE]: "Run", [ToolKind.THINK]: "Think", [ToolKind.FETCH]: "Fetch",
  [ToolKind.SWITCH_MODE]: "Mode", [ToolKind.OTHER]: "",
};

/** "Run" for the title "uname -s"; a title that begins like a sentence says it itself. */
export function toolVerb(kind: ToolKind, title: string): string {
  const word = TOOL_WORDS[kind] ?? "";
  return /^[A-Z]/.test(title) || title.toLowerCase().startsWith(word.toLowerCase()) ? "" : word;
}

export function askKindWords(ask: Ask): string {
  switch (ask.kind.case) {
    case "permission":
      return "Permission";
    case "question":
      return "Question";
    case "plan":
      return "Plan to approve";
    case "form":
      return "Form";
    case "openUrl":
      return "Page to open";
    case "limit":
      return "Limit reached";
    default:
      return "Question";
  }
}

const firstWords = (form: FormAsk): string => form.text || form.fields[0]?.title || form.fields[0]?.name || "";

/** What it is about, on one line. */
export function askTitle(ask: Ask): string {
  const kind = ask.kind;
  switch (kind.case) {
    case "permission":
      return kind.value.title || kind.value.command || kind.value.tool || kind.value.url;
    case "question":
    case "limit":
      return kind.value.text;
    case "plan":
      return kind.value.summary || "a plan";
    case "form":
      return firstWords(kind.value);
    case "openUrl":
      return kind.value.text || kind.value.url;
    default:
      return "";
  }
}

const OPTION_WORDS: { readonly [K in AskOptionKind]?: string } = {
  [AskOptionKind.ALLOW_ONCE]: "allowed once", [AskOptionKind.ALLOW_SESSION]: "allowed for this session",
  [AskOptionKind.ALLOW_LOCATION]: "allowed here", [AskOptionKind.ALLOW_ALWAYS]: "allowed from now on",
  [AskOptionKind.REJECT_ONCE]: "rejected", [AskOptionKind.REJECT_ALWAYS]: "rejected from now on",
};

/** What was answered: the option's own label, else its words. */
export function answerWords(ask: Ask | undefined, resolved: AskResolved): string {
  const answer = resolved.answer;
  if (!answer) return "";
  if (answer.declined) return "declined";
  const label = (id: string): string => oneLine(ask?.options.find((option) => option.optionId === id)?.label || id, 120);
  if (answer.optionId) {
    const known = ask?.options.some((option) => option.optionId === answer.optionId && option.label);
    const first = known ? label(answer.optionId) : OPTION_WORDS[resolved.optionKind] ?? label(answer.optionId);
    return [first, ...answer.moreOptionIds.map(label)].join(", ");
  }
  if (answer.text) return `“${oneLine(answer.text, 200)}”`;
  const words = answer.json ? answerInWords(ask?.kind.case === "form" ? ask.kind.value : undefined, answer.json) : undefined;
  return oneLine(words ?? answer.json, 200);
}

/** How it ended: "answered by ada on phone: Allow once". */
export function resolvedWords(ask: Ask | undefined, resolved: AskResolved): string {
  const reason = resolved.reason ? `: ${oneLine(resolved.reason)}` : "";
  switch (resolved.outcome) {
    case AskOutcome.ANSWERED: {
      const what = answerWords(ask, resolved);
      return `answered${byWords(resolved.by)}${what ? `: ${what}` : ""}${reason}`;
    }
    case AskOutcome.EXPIRED:
      return `expired: nobody answered in time${reason}`;
    case AskOutcome.WITHDRAWN:
      return `taken back by the agent${reason}`;
    case AskOutcome.CANCELLED:
      return `ended with the turn${byWords(resolved.by)}${reason}`;
    case AskOutcome.ORPHANED:
      return `void: the agent that asked is gone${reason}`;
    default:
      return `ended${reason}`;
  }
}

/** yes, no, or neither. */
export function answerTone(resolved: AskResolved): "good" | "bad" | "" {
  const kind = resolved.optionKind;
  if (resolved.outcome !== AskOutcome.ANSWERED) return "";
  if (kind >= AskOptionKind.ALLOW_ONCE && kind <= AskOptionKind.ALLOW_ALWAYS) return "good";
  return kind === AskOptionKind.REJECT_ONCE || kind === AskOptionKind.REJECT_ALWAYS || resolved.answer?.declined ? "bad" : "";
}

export const REMOTE_MODES: { readonly [K in RemoteMode]: string } = {
  [RemoteMode.UNSPECIFIED]: "off", [RemoteMode.OFF]: "off", [RemoteMode.VIEW]: "view", [RemoteMode.CONTROL]: "control",
};

export const END_WORDS: { readonly [K in EndReason]: string } = {
  [EndReason.UNSPECIFIED]: "", [EndReason.QUIT]: "somebody ended it", [EndReason.AGENT_EXITED]: "the agent exited",
  [EndReason.AGENT_FAILED]: "the agent failed", [EndReason.HOST_FAILED]: "the host failed",
};

const COMMAND_WORDS: { readonly [K in CommandKind]?: string } = {
  [CommandKind.SUBMIT_PROMPT]: "a prompt", [CommandKind.ATTACHMENT_CHUNK]: "an attachment", [CommandKind.ANSWER_ASK]: "an answer",
  [CommandKind.SET_MODE]: "a change of the mode", [CommandKind.SET_CONFIG_OPTION]: "a change of an option",
  [CommandKind.SET_TITLE]: "a new title", [CommandKind.CANCEL_TURN]: "a cancel", [CommandKind.WITHDRAW_COMMAND]: "a withdrawal",
  [CommandKind.RUN_SLASH_COMMAND]: "a slash command", [CommandKind.END_REMOTE]: "ending remote control",
};

const OUTCOME_WORDS: { readonly [K in CommandOutcomeKind]: string } = {
  [CommandOutcomeKind.UNSPECIFIED]: "has no outcome", [CommandOutcomeKind.APPLIED]: "was applied", [CommandOutcomeKind.REJECTED]: "was rejected",
  [CommandOutcomeKind.SUPERSEDED]: "came too late", [CommandOutcomeKind.EXPIRED]: "expired", [CommandOutcomeKind.WITHDRAWN]: "was withdrawn",
  [CommandOutcomeKind.UNKNOWN]: "has an unknown outcome",
};

export function outcomeWords(outcome: CommandOutcome): string {
  const who = actorWords(outcome.by);
  const code = outcome.code ? ` (${outcome.code})` : "";
  const reason = outcome.reason ? `: ${oneLine(outcome.reason)}` : "";
  return `${COMMAND_WORDS[outcome.kind] ?? "a command"}${who ? ` from ${who}` : ""} ${OUTCOME_WORDS[outcome.outcome] ?? "ended"}${code}${reason}`;
}

/** "1.2k", "3.4M". */
export function shortNumber(n: number | bigint): string {
  const value = Number(n);
  if (value < 1000) return `${value}`;
  if (value < 1_000_000) return `${(Math.floor(value / 100) / 10).toFixed(1)}k`;
  return `${(Math.floor(value / 100_000) / 10).toFixed(1)}M`;
}

/** Millionths of a unit. */
export function costWords(micros: bigint, currency: string): string {
  const value = Number(micros) / 1e6;
  return `${value.toFixed(value < 10 ? 3 : 2)} ${oneLine(currency, 23)}`.trim();
}

export function usageWords(usage: Usage | undefined): string[] {
  if (!usage) return [];
  const out: string[] = [];
  if (usage.contextTokens)
    out.push(`${shortNumber(usage.contextTokens)}${usage.contextSize ? ` of ${shortNumber(usage.contextSize)}` : ""} tokens in context`);
  else if (usage.inputTokens || usage.outputTokens) out.push(`${shortNumber(usage.inputTokens)} tokens in, ${shortNumber(usage.outputTokens)} out`);
  if (usage.costMicros) out.push(costWords(usage.costMicros, usage.currency));
  return out;
}

/** "320 ms" is noise: from 0.1 s on. "1.2 s", "3 min 12 s", "2 h 10 min". */
export function tookWords(ms: number): string {
  if (ms < 100) return "";
  if (ms < 60_000) return `${Math.floor(ms / 1000)}.${Math.floor(ms / 100) % 10} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor(ms / 1000) % 60} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor(ms / 60_000) % 60} min`;
}
