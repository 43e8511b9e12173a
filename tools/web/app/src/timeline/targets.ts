/** Which items an event is a piece of. It depends on the event alone: so pages, live events and tails may come in any order. */
import type { Event } from "@libremote/link/messages";
import { CommandOutcomeKind } from "@libremote/link/messages";
import { FATES } from "./fates.ts";
import type { Kind } from "./items.ts";

export interface Target {
  kind: Kind;
  key: string;
  /** The item stands where this event does, unless an earlier one places it. */
  places: boolean;
}

export const hexOf = (bytes: Uint8Array): string => {
  let out = "";
  for (const byte of bytes) out += byte.toString(16).padStart(2, "0");
  return out;
};

const PREFIX: { readonly [K in Kind]?: string } = {
  user: "u:", assistant: "a:", thought: "h:", tool: "t:", ask: "q:", subagent: "s:", compaction: "c:", turn: "r:",
};

export const keyOf = (kind: Kind, id: string): string => `${PREFIX[kind] ?? "e:"}${id}`;

function idOf(event: Event): string {
  const body = event.body;
  switch (body.case) {
    case "userMessage":
    case "assistantDelta":
    case "assistantMessage":
    case "thoughtDelta":
    case "thought":
      return body.value.messageId;
    case "turnStarted":
    case "turnEnded":
      return body.value.turnId || event.turnId;
    case "toolStarted":
    case "toolUpdated":
      return body.value.tool?.toolCallId ?? "";
    case "toolOutput":
    case "toolEnded":
      return body.value.toolCallId;
    case "askOpened":
      return hexOf(body.value.ask?.askId ?? new Uint8Array());
    case "askResolved":
    case "toolAuthorized":
      return hexOf(body.value.askId);
    case "subagentStarted":
    case "subagentEnded":
      return body.value.agentId;
    case "compactionStarted":
    case "compactionEnded":
      return body.value.compactionId;
    default:
      return "";
  }
}

/** Rows that would say nothing. */
function silent(event: Event): boolean {
  const body = event.body;
  switch (body.case) {
    case "commandOutcome":
      return body.value.outcome === CommandOutcomeKind.APPLIED || body.value.known.length > 0;
    case "configOptionsChanged":
      return body.value.by === undefined;
    case "modesChanged":
      return body.value.currentModeId === "";
    default:
      return false;
  }
}

export function targetsOf(event: Event, offset: number): Target[] {
  const which = event.body.case;
  if (which === undefined || silent(event)) return [];
  const fate = FATES[which];
  if (fate.fate === "line") return [{ kind: "line", key: `e:${offset}`, places: true }];
  if (fate.fate !== "item") return [];
  const id = idOf(event);
  const key = id === "" ? `e:${offset}` : keyOf(fate.kind, id);
  if (which === "toolAuthorized" && event.body.case === "toolAuthorized")
    return [
      { kind: "ask", key, places: false },
      { kind: "tool", key: keyOf("tool", event.body.value.toolCallId), places: false },
    ].filter((target) => target.key.length > 2) as Target[];
  return [{ kind: fate.kind, key, places: which !== "turnStarted" }];
}

/** What an item of a snapshot without an id is known by, when its own event comes. */
export const signature = (kind: string, atMs: bigint, text: string): string => `${kind}:${atMs}:${text.slice(0, 200)}`;

export function signatureOf(event: Event): string | undefined {
  const body = event.body;
  switch (body.case) {
    case "notice":
      return signature("notice", event.atMs, body.value.text);
    case "userMessage":
      return body.value.messageId ? undefined : signature("user", event.atMs, body.value.text);
    case "assistantMessage":
      return body.value.messageId ? undefined : signature("assistant", event.atMs, body.value.text);
    case "thought":
      return body.value.messageId ? undefined : signature("thought", event.atMs, body.value.text);
    default:
      return undefined;
  }
}
