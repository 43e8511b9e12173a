/** What was sent from here, and how far it is: never more than is known. */
import { CommandState, type CommandFacts } from "@libremote/link";
import {
  CommandOutcomeKind, Delivery, type Ask, type Command, type CommandOutcome, type SessionState,
} from "@libremote/link/messages";
import { codeWords, layerWords } from "../parts/codes.ts";
import { resolutionWords } from "./ask-words.ts";
import { plainText, short } from "./foreign.ts";

/** data-state. */
export function stateName(state: number): string {
  return ["new", "composed", "sent", "stored", "delivered", "done"][state] ?? "new";
}

/** data-outcome; empty: none yet. */
export function outcomeName(outcome: number): string {
  return ["", "applied", "rejected", "superseded", "expired", "withdrawn", "unknown"][outcome] ?? "unknown";
}

/** The kind of a command, for people. */
export function commandName(body: Command["body"]): string {
  switch (body.case) {
    case "submitPrompt":
      return body.value.delivery === Delivery.STEER ? "Steering" : "Prompt";
    case "attachmentChunk":
      return "Attachment";
    case "answerAsk":
      return body.value.answer?.declined ? "Declining" : "Answer";
    case "setMode":
      return "Mode";
    case "setConfigOption":
      return "Option";
    case "setTitle":
      return "Rename";
    case "cancelTurn":
      return "Stop the turn";
    case "withdrawCommand":
      return "Taking back";
    case "queryOutcome":
      return "Question for outcomes";
    case "runSlashCommand":
      return "Slash command";
    case "requestSnapshot":
      return "Refresh";
    case "probe":
      return "Probe";
    case "endRemote":
      return "End remote control";
    default:
      return "Command";
  }
}

/** What it says, on one line; may be empty. */
export function commandText(body: Command["body"], view?: SessionState): string {
  const line = (text: string) => short(plainText(text), 140);
  switch (body.case) {
    case "submitPrompt": {
      const files = body.value.attachmentIds?.length ?? 0;
      const more = files > 0 ? ` (+ ${files} ${files === 1 ? "file" : "files"})` : "";
      return line(body.value.text ?? "") + more;
    }
    case "setMode":
      return line(view?.modes.find((m) => m.modeId === body.value.modeId)?.name || body.value.modeId);
    case "setConfigOption": {
      const option = view?.options.find((o) => o.optionId === body.value.optionId);
      const value = option?.values.find((v) => v.value === body.value.value);
      const named = value?.name || (option?.boolean ? (body.value.value === "true" ? "on" : "off") : body.value.value);
      return line(`${option?.name || body.value.optionId}: ${named}`);
    }
    case "setTitle":
      return line(body.value.title);
    case "runSlashCommand":
      return line(`/${body.value.name}${body.value.arguments ? ` ${body.value.arguments}` : ""}`);
    default:
      return "";
  }
}

export interface Surroundings {
  /** The connection to the relay is live. */
  live: boolean;
  /** The host is attached to the relay; undefined: not known. */
  host: boolean | undefined;
}

/** Where a command without an outcome is. */
export function whereWords(facts: CommandFacts, around: Surroundings): string {
  switch (facts.state) {
    case CommandState.COMPOSED:
      return around.live ? "not sent yet" : "will be sent when connected";
    case CommandState.SENT:
      return around.live ? "sent; the relay has not confirmed it yet" : "sent, not confirmed by the relay; goes on when connected";
    case CommandState.STORED:
      return around.host === false ? "stored at the relay; the host gets it when it is back" : "stored at the relay";
    case CommandState.DELIVERED:
      return "delivered to the host, no answer yet";
    default:
      return "not sent yet";
  }
}

/** What became of it. `full`: the outcome's event, when it was seen; `ask`: what it answers, for its labels. */
export function outcomeWords(body: Command["body"], facts: CommandFacts, full?: CommandOutcome, ask?: Ask): string {
  const layer = facts.layer ? layerWords(facts.layer) : "";
  switch (facts.outcome) {
    case CommandOutcomeKind.APPLIED:
      switch (body.case) {
        case "submitPrompt":
          return "the agent has it";
        case "answerAsk":
          return "it counts";
        case "cancelTurn":
          return "the agent was asked to stop";
        case "withdrawCommand":
          return "taken back";
        case "probe":
          return "it got through to the host and back";
        case "endRemote":
          return "remote control is off";
        default:
          return "done";
      }
    case CommandOutcomeKind.REJECTED: {
      const reason = facts.reason ? plainText(facts.reason) : "";
      const { words, todo } = codeWords(facts.code);
      const by = layer ? `; decided by ${layer}` : "";
      return `refused: ${reason || words}${by}${todo ? ` — ${todo}` : ""}`;
    }
    case CommandOutcomeKind.SUPERSEDED:
      if (full?.resolution) return `came too late. ${resolutionWords(ask, full.resolution, false)}`;
      if (body.case === "cancelTurn") return "not needed any more: that turn is over, another one runs";
      return "void: something else was done first";
    case CommandOutcomeKind.EXPIRED:
      return "expired: its time was over before it could be done";
    case CommandOutcomeKind.WITHDRAWN:
      return "taken back; the agent never had it";
    case CommandOutcomeKind.UNKNOWN:
      return "not known: it may or may not have been done; it is never run again" + (facts.reason ? ` (${plainText(facts.reason)})` : "");
    default:
      return "";
  }
}

/** It ended as it was meant to. */
export function wentWell(facts: CommandFacts): boolean {
  return facts.outcome === CommandOutcomeKind.APPLIED || facts.outcome === CommandOutcomeKind.WITHDRAWN;
}

export function isDone(facts: CommandFacts): boolean {
  return facts.state === CommandState.DONE;
}

/** Place in the queue, from 1; 0: not there. */
export function queuePosition(view: SessionState | undefined, id: string): number {
  return (view?.queue.findIndex((prompt) => prompt.promptId === id) ?? -1) + 1;
}

/** Why a command could not even be put into the outbox; codes of remote/error.h. */
export function refusalWords(code: number): string {
  switch (code) {
    case -10:
      return "64 things that you sent have no answer yet; wait until some have one";
    case -2:
      return "the session is still being read; try again in a moment";
    case -3:
      return "it is too long";
    case -1:
      return "it cannot be sent as it is";
    default:
      return `error ${code}`;
  }
}
