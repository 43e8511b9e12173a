/** The model as a SessionState: what is shown, or what is durable. */
import { create } from "@bufbuild/protobuf";
import { SessionStateSchema, type SessionState } from "../messages.js";
import { firstWithin, showItem } from "./history.js";
import type { Model, UsageFigures } from "./model.js";
import { showStream } from "./stream.js";
import { layOverTails, shownUsage } from "./tail.js";
import { showTool } from "./tools.js";

function values(model: Model, usage: UsageFigures): Partial<SessionState> {
  const { session, title, status, activity, statusSinceMs, remoteMode, turnId, currentModeId, keepAlive, ended } = model;
  return {
    session, title, status, activity, statusSinceMs, remoteMode, turnId, currentModeId, keepAlive, ended,
    planDocument: model.planDocument, permissionMode: model.permissionMode,
    contextTokens: usage.contextTokens, contextSize: usage.contextSize, costMicros: usage.costMicros, costCurrency: usage.currency,
    modes: model.modes as SessionState["modes"], options: model.options as SessionState["options"],
    slashCommands: model.slashCommands as SessionState["slashCommands"], plan: model.plan as SessionState["plan"],
    queue: model.queue as SessionState["queue"], asks: model.asks as SessionState["asks"],
    outcomes: model.outcomes as SessionState["outcomes"], subagents: model.subagents as SessionState["subagents"],
  };
}

/** The older list when it holds the same. */
function shared<T>(older: T[] | undefined, newer: T[]): T[] {
  return older && older.length === newer.length && newer.every((element, i) => element === older[i]) ? older : newer;
}

/** Everything, tails included. What has not changed since `older` is the same object, all of it if nothing has. */
export function show(model: Model, older?: SessionState): SessionState {
  layOverTails(model);
  const first = firstWithin(model);
  const history = model.items.slice(first).map(showItem);
  const tools = model.tools.map((tool) => (tool.message ??= showTool(tool, true)));
  const state: SessionState = {
    ...(older ?? create(SessionStateSchema)),
    ...values(model, shownUsage(model)),
    history: shared(older?.history, history),
    tools: shared(older?.tools, tools),
    historyCut: model.historyCut || first > 0,
  };
  if (older && (Object.keys(state) as (keyof SessionState)[]).every((name) => state[name] === older[name])) return older;
  return state;
}

/** Without tails. */
export function showDurable(model: Model): SessionState {
  return {
    ...create(SessionStateSchema),
    ...values(model, model.usage),
    history: model.items.filter((item) => !item.stream?.fromTail).map((item) => (item.stream ? showStream(item, false) : showItem(item))),
    tools: model.tools.map((tool) => showTool(tool, false)),
    historyCut: model.historyCut,
  };
}
