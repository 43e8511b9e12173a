/** Sessions for tests: a seeded stream of events as a host makes them, and a snapshot's state at any place of it. */
import {
  AskOptionKind, AskOutcome, create, EventSchema, NoticeLevel, OutputStream, PlanStatus, SessionStateSchema, ToolKind, ToolStatus,
  type Event, type SessionState,
} from "@libremote/link/messages";
import { stateOf } from "../fold.ts";
import type { TimelineModel } from "../model.ts";

export type Random = () => number;

/** mulberry32. */
export function random(seed: number): Random {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Body = Parameters<typeof create<typeof EventSchema>>[1] extends infer Init ? NonNullable<Init> extends { body?: infer B } ? B : never : never;

export interface Told {
  /** A tail comes before the durable event that says it again. */
  tail: boolean;
  clears: boolean;
  event: Event;
}

const words = ["reads", "naïve", "→ done", "𝔘nicode", "tests", "مرحبا", "`code`", "\n\n", "builds", "- item\n"];
const idBytes = (n: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => (n >> (8 * (i % 4))) & 255);

/** About `count` durable events, with tails between them. */
export function session(seed: number, count: number): Told[] {
  const next = random(seed);
  const pick = (n: number): number => Math.floor(next() * n);
  const out: Told[] = [];
  let at = 1_700_000_000_000;
  let turn = 0;
  let id = 0;
  let durable = 0;
  const turnId = () => `turn-${turn}`;
  const put = (body: NonNullable<Event["body"]> | object, options: { tail?: boolean; clears?: boolean; agentId?: string } = {}): void => {
    at += pick(400);
    const event = create(EventSchema, { atMs: BigInt(at), turnId: turnId(), agentId: options.agentId ?? "", body: body as never });
    out.push({ tail: options.tail ?? false, clears: options.clears ?? false, event });
    if (!options.tail) durable++;
  };
  const text = (): string => Array.from({ length: 1 + pick(12) }, () => words[pick(words.length)]!).join(" ");
  const encoder = new TextEncoder();

  const speak = (thought: boolean): void => {
    const messageId = `m${id++}`;
    const delta = thought ? "thoughtDelta" : "assistantDelta";
    const pieces = Array.from({ length: 1 + pick(6) }, text);
    let position = 0;
    let since = "";
    for (const piece of pieces) {
      put({ case: delta, value: { messageId, position: BigInt(position), text: piece } }, { tail: true });
      if (pick(5) === 0) put({ case: delta, value: { messageId, position: BigInt(position), text: piece } }, { tail: true }); // again
      position += encoder.encode(piece).length;
      since += piece;
      if (pick(6) === 0) {
        put({ case: delta, value: { messageId, position: BigInt(position - encoder.encode(since).length), text: since } }, { clears: true });
        since = "";
      }
    }
    if (pick(12) === 0) return; // the turn's end closes it
    const whole = pieces.join("");
    const cut = pick(8) === 0 ? Math.floor(whole.length / 2) : whole.length;
    const safe = cut < whole.length && whole.charCodeAt(cut) >= 0xdc00 && whole.charCodeAt(cut) < 0xe000 ? cut + 1 : cut;
    const kind = thought ? "thought" : "assistantMessage";
    put({ case: kind, value: { messageId, position: 0n, text: whole.slice(0, safe), more: safe < whole.length } }, { clears: true });
    if (safe < whole.length)
      put({ case: kind, value: { messageId, position: BigInt(encoder.encode(whole.slice(0, safe)).length), text: whole.slice(safe) } });
  };

  const tool = (): void => {
    const toolCallId = `call-${id++}`;
    put({ case: "toolStarted", value: { tool: { toolCallId, title: text(), kind: 1 + pick(10), status: pick(2) ? ToolStatus.RUNNING : ToolStatus.PENDING } } });
    if (pick(3) === 0) ask(toolCallId);
    if (pick(3) === 0) put({ case: "toolUpdated", value: { tool: { toolCallId, title: text(), status: ToolStatus.RUNNING } } });
    const positions = [0, 0, 0];
    for (let i = pick(6); i > 0; i--) {
      const stream = pick(3);
      const data = encoder.encode(text());
      const value = { toolCallId, position: BigInt(positions[stream]!), data, stream: stream as OutputStream };
      put({ case: "toolOutput", value }, { tail: true });
      if (pick(2)) put({ case: "toolOutput", value }, { clears: true });
      else put({ case: "toolOutput", value }, { clears: true });
      positions[stream]! += data.length;
      if (pick(5) === 0) speak(false);
    }
    put({
      case: "toolEnded",
      value: {
        toolCallId, status: pick(4) ? ToolStatus.COMPLETED : ToolStatus.FAILED, exitKnown: pick(2) === 0, exitCode: pick(3),
        content: pick(2) ? [{ content: { case: "diff", value: { path: encoder.encode("src/a.c"), oldText: text(), newText: text() } } }] : [],
      },
    }, { clears: true });
  };

  const ask = (toolCallId: string): void => {
    const askId = idBytes(++id);
    put({
      case: "askOpened",
      value: {
        ask: {
          askId, toolCallId, openedMs: BigInt(at), options: [{ optionId: "y", label: "Allow once", kind: AskOptionKind.ALLOW_ONCE }],
          kind: { case: "permission", value: { title: text(), command: "make" } },
        },
      },
    }, { clears: true });
    if (pick(6) === 0) speak(true);
    put({ case: "askResolved", value: { askId, outcome: AskOutcome.ANSWERED, atMs: BigInt(at), answer: { optionId: "y" }, by: { local: true } } });
    if (toolCallId) put({ case: "toolAuthorized", value: { askId, toolCallId } });
  };

  put({ case: "sessionStarted", value: { agent: "demo", agentVersion: "1", cwd: encoder.encode("/src"), host: "box" } });
  while (durable < count) {
    turn++;
    const messageId = `u${id++}`;
    put({ case: "userMessage", value: { messageId, text: text(), by: { local: true }, delivery: 1 } });
    put({ case: "turnStarted", value: { turnId: turnId(), messageId } });
    for (let steps = pick(8); steps > 0; steps--) {
      const dice = pick(18);
      if (dice < 5) speak(false);
      else if (dice < 7) speak(true);
      else if (dice < 12) tool();
      else if (dice === 12) put({ case: "notice", value: { level: NoticeLevel.WARNING, text: text() } });
      else if (dice === 13) put({ case: "planUpdated", value: { entries: [{ text: "one", status: pick(2) ? PlanStatus.COMPLETED : PlanStatus.PENDING }, { text: `two${pick(2)}` }] } });
      else if (dice === 14) put({ case: "modesChanged", value: { currentModeId: ["plan", "default"][pick(2)]! } });
      else if (dice === 15) ask("");
      else if (dice === 16) {
        const agentId = `agent-${id++}`;
        put({ case: "subagentStarted", value: { agentId, name: "helper", task: text() } });
        put({ case: "assistantMessage", value: { messageId: `m${id++}`, text: text() } }, { agentId });
        put({ case: "subagentEnded", value: { agentId, text: text() } });
      } else if (pick(3) === 0) put({ case: "historyRewound", value: { messageId: pick(4) ? messageId : "", reason: "again" } });
      else put({ case: "agentExtension", value: { namespace: "acp", name: "x", json: { text: "{}" } } });
    }
    put({ case: "turnEnded", value: { turnId: turnId(), stopReason: "end_turn" } }, { clears: true });
    if (pick(20) === 0) put({ case: "sessionResumed", value: { unknownSince: "10:00" } }, { clears: true });
  }
  return out;
}

/** What a snapshot would say of that model: the last messages, running tools, open asks. */
export function snapshotOf(model: TimelineModel): SessionState {
  model.settle();
  const state = create(SessionStateSchema, { historyCut: true });
  for (const item of model.items.slice(-64)) {
    const facts = { $typeName: "remote.v1.HistoryItem" as const, atMs: BigInt(item.atMs), turnId: item.turnId, agentId: item.agentId, open: false };
    if (item.is("user")) {
      const { message } = stateOf(item);
      if (message) state.history.push({ ...facts, item: { case: "user", value: message } });
    } else if (item.is("assistant") || item.is("thought")) {
      const fold = stateOf(item);
      for (const part of fold.parts) {
        const value = { messageId: item.key.slice(2), position: BigInt(part.position), text: part.text, more: false };
        const open = fold.open && part === fold.parts.at(-1);
        if (item.kind === "thought") state.history.push({ ...facts, open, item: { case: "thought", value: { $typeName: "remote.v1.Thought", ...value } } });
        else state.history.push({ ...facts, open, item: { case: "assistant", value: { $typeName: "remote.v1.AssistantMessage", ...value, attachments: fold.attachments } } });
      }
    } else if (item.is("tool")) {
      const fold = stateOf(item);
      const output = new Uint8Array(fold.chunkBytes);
      let at = 0;
      for (const chunk of fold.chunks) {
        output.set(chunk.data, at);
        at += chunk.data.length;
      }
      const value = {
        $typeName: "remote.v1.ToolState" as const, toolCallId: fold.id, title: fold.title, kind: fold.kind as ToolKind, status: fold.status,
        locations: fold.locations, parentId: fold.parentId, content: fold.content, name: fold.name, output,
        outputPosition: BigInt(fold.dropped), stdoutBytes: BigInt(fold.have[1]), stderrBytes: BigInt(fold.have[2]),
      };
      if (fold.ended) state.history.push({ ...facts, item: { case: "tool", value: { ...value, output: new Uint8Array(), outputPosition: 0n, stdoutBytes: 0n, stderrBytes: 0n } } });
      else state.tools.push(value);
    } else if (item.is("ask")) {
      const fold = stateOf(item);
      if (fold.ask && !fold.resolved) state.asks.push(fold.ask);
    } else if (item.is("line")) {
      const { body } = stateOf(item);
      if (body.case === "notice") state.history.push({ ...facts, item: { case: "notice", value: body.value } });
    }
  }
  return state;
}
