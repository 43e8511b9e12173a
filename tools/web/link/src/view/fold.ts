/** Durable events to state: what each body does. Bodies that are not named change nothing that a SessionState tells. */
import { create } from "@bufbuild/protobuf";
import {
  AskSchema, ConfigOptionSchema, KnownOutcomeSchema, ModeSchema, PlanEntrySchema, QueuedPromptSchema, SessionStartedSchema,
  SlashCommandSchema, Status, type Ask, type Event, type KnownOutcome, type SessionStarted, type TurnEnded,
} from "../messages.js";
import { boundedCopy } from "./copy.js";
import { addItem, addUser, closeStreams, hasTool, head, rewind } from "./history.js";
import {
  ASKS_OPEN_MAX, MODES_MAX, OPTIONS_MAX, OUTCOMES_IN_STATE, PLAN_MAX, QUEUE_MAX, SLASH_MAX, SUBAGENTS_MAX,
} from "./limits.js";
import { join, put, without } from "./lists.js";
import { sameBytes, type Model } from "./model.js";
import { foldDelta, foldWhole } from "./stream.js";
import { mergeUsage } from "./tail.js";
import { foldEnded, foldOutput, toolAuthorized, toolOf, upsertTool } from "./tools.js";
import { utf8Cut } from "./utf8.js";

const ID_BYTES = 16;
/** How long the state's texts may be, bytes. */
export const TEXT_BYTES = {
  title: 127, activity: 255, turnId: 127, currentModeId: 255, keepAlive: 63, planDocument: 65536, permissionMode: 127, subagent: 127,
} as const;

// ---- life and status ----

function setStatus(model: Model, status: Status, atMs: bigint): void {
  if (model.status !== status) model.statusSinceMs = atMs;
  model.status = status;
}

function started(model: Model, session: SessionStarted, atMs: bigint): void {
  const copy = boundedCopy(SessionStartedSchema, session);
  if (!copy) return;
  model.session = copy;
  model.ended = false;
  setStatus(model, Status.IDLE, atMs);
  model.title = utf8Cut(copy.title, TEXT_BYTES.title);
}

function resumedOrEnded(model: Model, ended: boolean, atMs: bigint): void {
  model.ended = ended;
  closeStreams(model);
  setStatus(model, ended ? Status.ENDED : Status.IDLE, atMs);
  model.activity = model.turnId = "";
}

function turnEnded(model: Model, event: Event, ended: TurnEnded): void {
  const id = ended.turnId || event.turnId;
  if (id !== "") closeStreams(model, id);
  if (id === "" || model.turnId === id) model.turnId = "";
  model.usage = mergeUsage(model.usage, ended.usage);
}

// ---- asks, outcomes, sub-agents ----

const indexOf = <T>(list: readonly T[], same: (element: T) => boolean): number => {
  const index = list.findIndex(same);
  return index < 0 ? list.length : index;
};

export function putAsk(model: Model, ask: Ask | undefined): void {
  if (ask?.askId.length !== ID_BYTES) return;
  const index = indexOf(model.asks, (have) => sameBytes(have.askId, ask.askId));
  model.asks = put(AskSchema, model.asks, index, ask, ASKS_OPEN_MAX);
}

function removeAsk(model: Model, askId: Uint8Array): void {
  const index = model.asks.findIndex((have) => sameBytes(have.askId, askId));
  if (index >= 0) model.asks = without(model.asks, index);
}

/** The newest word on a command: in its place, or at the end. */
export function putOutcome(model: Model, outcome: KnownOutcome): void {
  if (outcome.commandId.length !== ID_BYTES) return;
  let index = indexOf(model.outcomes, (have) => sameBytes(have.commandId, outcome.commandId));
  if (index === OUTCOMES_IN_STATE) {
    model.outcomes = without(model.outcomes, 0);
    index--;
  }
  model.outcomes = put(KnownOutcomeSchema, model.outcomes, index, outcome, OUTCOMES_IN_STATE);
}

export function addSubagent(model: Model, agentId: string): void {
  if (agentId === "" || model.subagents.length === SUBAGENTS_MAX || model.subagents.includes(agentId)) return;
  model.subagents = [...model.subagents, utf8Cut(agentId, TEXT_BYTES.subagent)];
}

// ---- one event ----

export function fold(model: Model, event: Event): void {
  const { body, atMs } = event;
  switch (body.case) {
    case "sessionStarted": return started(model, body.value, atMs);
    case "sessionResumed": return resumedOrEnded(model, false, atMs);
    case "sessionEnded": return resumedOrEnded(model, true, atMs);
    case "remoteModeChanged": model.remoteMode = body.value.mode; return;
    case "titleChanged": model.title = utf8Cut(body.value.title, TEXT_BYTES.title); return;
    case "contextCleared": model.usage = { ...model.usage, contextTokens: 0n }; return;
    case "historyRewound": return rewind(model, body.value.messageId);
    case "notice": return addItem(model, head(event), { case: "notice", value: body.value }, false);
    case "statusChanged":
      setStatus(model, body.value.status, atMs);
      model.activity = utf8Cut(body.value.activity, TEXT_BYTES.activity);
      return;
    case "userMessage": return addUser(model, event, { case: "user", value: body.value });
    case "assistantDelta": return foldDelta(model, head(event), { kind: "assistant", ...body.value }, false);
    case "thoughtDelta": return foldDelta(model, head(event), { kind: "thought", ...body.value }, false);
    case "assistantMessage": return foldWhole(model, event, { case: "assistant", value: body.value });
    case "thought": return foldWhole(model, event, { case: "thought", value: body.value });
    case "turnStarted": model.turnId = utf8Cut(body.value.turnId || event.turnId, TEXT_BYTES.turnId); return;
    case "turnEnded": return turnEnded(model, event, body.value);
    case "queueChanged": model.queue = join(QueuedPromptSchema, [], body.value.prompts, QUEUE_MAX); return;
    case "toolStarted": return upsertTool(model, head(event), body.value.tool, false);
    case "toolUpdated": {
      // An update may be the first sight of a call; one that comes after the end is too late.
      const id = body.value.tool?.toolCallId ?? "";
      if (toolOf(model, id) || !hasTool(model, id)) upsertTool(model, head(event), body.value.tool, false);
      return;
    }
    case "toolOutput": return foldOutput(model, body.value, false);
    case "toolEnded": return foldEnded(model, head(event), body.value);
    case "askOpened": return putAsk(model, body.value.ask);
    case "askResolved": return removeAsk(model, body.value.askId);
    case "toolAuthorized": return toolAuthorized(model, body.value.toolCallId);
    case "modesChanged":
      if (body.value.modes.length > 0) model.modes = join(ModeSchema, [], body.value.modes, MODES_MAX);
      if (body.value.currentModeId !== "") model.currentModeId = utf8Cut(body.value.currentModeId, TEXT_BYTES.currentModeId);
      return;
    case "permissionModeChanged": model.permissionMode = utf8Cut(body.value.mode, TEXT_BYTES.permissionMode); return;
    case "configOptionsChanged": model.options = join(ConfigOptionSchema, [], body.value.options, OPTIONS_MAX); return;
    case "slashCommandsChanged": model.slashCommands = join(SlashCommandSchema, [], body.value.commands, SLASH_MAX); return;
    case "planUpdated": model.plan = join(PlanEntrySchema, [], body.value.entries, PLAN_MAX); return;
    case "planDocumentChanged": model.planDocument = utf8Cut(body.value.text, TEXT_BYTES.planDocument); return;
    case "subagentStarted": return addSubagent(model, body.value.agentId);
    case "subagentEnded": model.subagents = model.subagents.filter((id) => id !== body.value.agentId); return;
    case "usageUpdated": model.usage = mergeUsage(model.usage, body.value.usage); return;
    case "keepAliveChanged": model.keepAlive = utf8Cut(body.value.mode, TEXT_BYTES.keepAlive); return;
    case "commandOutcome": {
      const { commandId, outcome, code } = body.value;
      return putOutcome(model, create(KnownOutcomeSchema, { commandId, outcome, code }));
    }
  }
}
