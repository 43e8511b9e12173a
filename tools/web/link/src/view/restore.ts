/** SessionState events: the view from a snapshot set. */
import {
  ConfigOptionSchema, ModeSchema, PlanEntrySchema, QueuedPromptSchema, SessionStartedSchema, SlashCommandSchema,
  type SessionState,
} from "../messages.js";
import { boundedCopy } from "./copy.js";
import { addSubagent, putAsk, putOutcome, TEXT_BYTES } from "./fold.js";
import { addItem, boundHistory, type Source } from "./history.js";
import { MODES_MAX, OPTIONS_MAX, PLAN_MAX, QUEUE_MAX, SLASH_MAX } from "./limits.js";
import { join } from "./lists.js";
import type { Model } from "./model.js";
import { mergeUsage } from "./tail.js";
import { upsertTool } from "./tools.js";
import { utf8Cut } from "./utf8.js";

/** Single values come with the set's first message. */
function restoreValues(model: Model, from: SessionState): void {
  for (const name of ["title", "activity", "turnId", "currentModeId", "keepAlive", "planDocument", "permissionMode"] as const)
    model[name] = utf8Cut(from[name], TEXT_BYTES[name]);
  model.status = from.status;
  model.statusSinceMs = from.statusSinceMs;
  model.remoteMode = from.remoteMode;
  model.ended = from.ended;
  model.historyCut = from.historyCut;
  const { contextTokens, contextSize, costMicros, costCurrency: currency } = from;
  model.usage = mergeUsage(model.usage, {
    $typeName: "remote.v1.Usage", contextTokens, contextSize, costMicros, currency, inputTokens: 0n, outputTokens: 0n,
  });
  if (from.session) model.session = boundedCopy(SessionStartedSchema, from.session);
}

const NOWHERE: Source = { atMs: 0n, turnId: "", agentId: "" };

/** Lists are joined; what has an id comes as the event would bring it, so that ids stay unique and limits hold. */
export function restore(model: Model, from: SessionState, begins: boolean): void {
  if (begins) restoreValues(model, from);
  model.modes = join(ModeSchema, model.modes, from.modes, MODES_MAX);
  model.options = join(ConfigOptionSchema, model.options, from.options, OPTIONS_MAX);
  model.slashCommands = join(SlashCommandSchema, model.slashCommands, from.slashCommands, SLASH_MAX);
  model.plan = join(PlanEntrySchema, model.plan, from.plan, PLAN_MAX);
  model.queue = join(QueuedPromptSchema, model.queue, from.queue, QUEUE_MAX);
  for (const ask of from.asks) putAsk(model, ask);
  for (const agentId of from.subagents) addSubagent(model, agentId);
  for (const item of from.history) {
    addItem(model, item, item.item, item.open);
    boundHistory(model);
  }
  for (const tool of from.tools) {
    upsertTool(model, NOWHERE, tool, true);
    boundHistory(model);
  }
  for (const outcome of from.outcomes) putOutcome(model, outcome);
}
