/**
 * Inside of the view. Everything durable is a function of SessionState alone: what a snapshot does not say must not
 * influence what later events do, or a view restored from a snapshot would go another way. What tails add lies on top
 * (tail.ts) and is taken off before anything durable is folded.
 */
import type {
  Ask, Attachment, ConfigOption, Event, HistoryItem, KnownOutcome, Mode, PlanEntry, QueuedPrompt, RemoteMode, SessionStarted,
  SlashCommand, Status, ToolState,
} from "../messages.js";

/** A part of a message or thought: its text, as shown and without tails. */
export interface Stream {
  kind: "assistant" | "thought";
  id: string;
  position: bigint;
  attachments: Attachment[];
  /** Encoded bytes of what does not change: id and attachments. */
  fixedBytes: number;
  text: string;
  bytes: number;
  open: boolean;
  more: boolean;
  durableText: string;
  durableBytes: number;
  durableOpen: boolean;
  durableMore: boolean;
  /** Only tails have told of it. */
  fromTail: boolean;
}

/** A part of the history. */
export interface Item {
  atMs: bigint;
  turnId: string;
  agentId: string;
  /** undefined: `message` is all there is to it. */
  stream: Stream | undefined;
  /** As shown; of a stream made when it is asked for, undefined: it has changed. */
  message: HistoryItem | undefined;
  /** Encoded, as shown. */
  encodedBytes: number;
}

/** A running tool. */
export interface Tool {
  /** Without its output. */
  state: ToolState;
  /** The durable window, then what tails added; its first `bytes` count. */
  output: Uint8Array;
  bytes: number;
  durableBytes: number;
  /** Bytes of output before `output`. */
  position: bigint;
  /** By OutputStream: so far, tails included. */
  streams: [bigint, bigint, bigint];
  durableStreams: [bigint, bigint, bigint];
  /** As shown; undefined: it has changed. */
  message: ToolState | undefined;
}

export interface UsageFigures {
  contextTokens: bigint;
  contextSize: bigint;
  costMicros: bigint;
  currency: string;
}

export class Model {
  session: SessionStarted | undefined;
  title = "";
  status: Status = 0;
  activity = "";
  statusSinceMs = 0n;
  remoteMode: RemoteMode = 0;
  turnId = "";
  currentModeId = "";
  keepAlive = "";
  ended = false;
  planDocument = "";
  permissionMode = "";

  // Lists are never changed in place: what was lent out stays as it is.
  modes: readonly Mode[] = [];
  options: readonly ConfigOption[] = [];
  slashCommands: readonly SlashCommand[] = [];
  plan: readonly PlanEntry[] = [];
  queue: readonly QueuedPrompt[] = [];
  asks: readonly Ask[] = [];
  outcomes: readonly KnownOutcome[] = [];
  subagents: readonly string[] = [];

  tools: Tool[] = [];
  /** The oldest first. */
  items: Item[] = [];
  /** Durable. */
  historyCut = false;
  /** Durable. */
  usage: UsageFigures = { contextTokens: 0n, contextSize: 0n, costMicros: 0n, currency: "" };

  // Tails that are kept, to be laid over the durable state again after it has changed.
  tails: Event[] = [];
  tailBytes = 0;
  tailFull = false;
  /** They lie over it now. */
  laidOver = false;
}

/** Numbers of positions wrap as the wire's do. */
export const uint64 = (value: bigint): bigint => BigInt.asUintN(64, value);

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
