/** What becomes of each body of an Event in the timeline. A body that is missing here does not compile. */
import type { BodyCase, Kind } from "./items.ts";

/**
 * item: a row of its own kind, or a piece of one; line: one row for one event; asset: kept for whoever names it; elsewhere: shown by
 * another part of the page, from the folded state.
 */
export type Fate =
  | { fate: "item"; kind: Kind; tail?: true }
  | { fate: "line" }
  | { fate: "asset" }
  | { fate: "elsewhere"; where: string };

export const FATES: { readonly [K in BodyCase]: Fate } = {
  sessionStarted: { fate: "line" },
  sessionResumed: { fate: "line" },
  sessionEnded: { fate: "line" },
  remoteModeChanged: { fate: "line" },
  titleChanged: { fate: "line" },
  contextCleared: { fate: "line" },
  historyRewound: { fate: "line" },
  notice: { fate: "line" },
  sessionState: { fate: "elsewhere", where: "only in snapshot sets, which are the folded state itself" },
  statusChanged: { fate: "elsewhere", where: "the session's header" },
  userMessage: { fate: "item", kind: "user" },
  assistantDelta: { fate: "item", kind: "assistant", tail: true },
  assistantMessage: { fate: "item", kind: "assistant" },
  thoughtDelta: { fate: "item", kind: "thought", tail: true },
  thought: { fate: "item", kind: "thought" },
  turnStarted: { fate: "item", kind: "turn" },
  turnEnded: { fate: "item", kind: "turn" },
  queueChanged: { fate: "elsewhere", where: "the queue in the side panel" },
  toolStarted: { fate: "item", kind: "tool" },
  toolUpdated: { fate: "item", kind: "tool" },
  toolOutput: { fate: "item", kind: "tool", tail: true },
  toolEnded: { fate: "item", kind: "tool" },
  asset: { fate: "asset" },
  askOpened: { fate: "item", kind: "ask" },
  askResolved: { fate: "item", kind: "ask" },
  toolAuthorized: { fate: "item", kind: "ask" },
  modesChanged: { fate: "line" },
  permissionModeChanged: { fate: "line" },
  configOptionsChanged: { fate: "line" },
  slashCommandsChanged: { fate: "elsewhere", where: "the prompt box" },
  planUpdated: { fate: "line" },
  planDocumentChanged: { fate: "line" },
  subagentStarted: { fate: "item", kind: "subagent" },
  subagentEnded: { fate: "item", kind: "subagent" },
  compactionStarted: { fate: "item", kind: "compaction" },
  compactionEnded: { fate: "item", kind: "compaction" },
  usageUpdated: { fate: "elsewhere", where: "usage in the side panel" },
  keepAliveChanged: { fate: "line" },
  deviceAttached: { fate: "line" },
  deviceDetached: { fate: "line" },
  commandOutcome: { fate: "line" },
  agentExtension: { fate: "line" },
};
