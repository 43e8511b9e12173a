/** What the timeline is made of: items, each folded from its own pieces (events at their offsets) and whatever tails lie over them. */
import type {
  Ask, AskResolved, AssistantMessage, Attachment, CompactionEnded, Event, HistoryItem, Json, Location, SubagentEnded,
  SubagentStarted, Thought, ToolContent, ToolKind, ToolState, ToolStatus, TurnEnded, TurnStarted, UserMessage,
} from "@libremote/link/messages";

export type Body = Event["body"];
export type BodyCase = NonNullable<Body["case"]>;

/** A durable event at its place. */
export interface Piece {
  offset: number;
  event: Event;
}

/** A part of a message: `position` in bytes. What lies between two parts is not known yet. */
export interface TextPart {
  position: number;
  bytes: number;
  text: string;
}

export interface TextFold {
  parts: TextPart[];
  /** It is still being written. */
  open: boolean;
  attachments: Attachment[];
}

export interface OutputChunk {
  stream: number;
  data: Uint8Array;
}

export interface ToolFold {
  id: string;
  title: string;
  name: string;
  kind: ToolKind;
  status: ToolStatus;
  input: Json | undefined;
  output: Json | undefined;
  locations: Location[];
  parentId: string;
  content: ToolContent[];
  chunks: OutputChunk[];
  /** Bytes in `chunks`. */
  chunkBytes: number;
  /** Bytes of output before `chunks`. */
  dropped: number;
  /** Bytes of each stream so far. */
  have: [number, number, number];
  ended: boolean;
  endedMs: number;
  startedMs: number;
  exitCode: number | undefined;
  reason: string;
  /** ToolStarted is among the pieces. */
  begun: boolean;
}

export interface AskFold {
  ask: Ask | undefined;
  resolved: AskResolved | undefined;
  resolvedMs: number;
  /** What it had been about has really begun. */
  authorized: boolean;
}

export interface Folds {
  user: { message: UserMessage | undefined };
  assistant: TextFold;
  thought: TextFold;
  tool: ToolFold;
  ask: AskFold;
  subagent: { started: SubagentStarted | undefined; ended: SubagentEnded | undefined; endedMs: number };
  compaction: { started: boolean; ended: CompactionEnded | undefined };
  turn: { started: TurnStarted | undefined; startedMs: number; ended: TurnEnded | undefined };
  /** One event, one row. */
  line: { body: Body };
  /** Rows about what is not here: `count` events are not loaded, the log begins, or it was trimmed. */
  gap: { from: number; to: number; front: boolean };
  edge: { what: "beginning" | "trimmed"; unreadable: number };
}
export type Kind = keyof Folds;

/** What a snapshot says of an item whose own events are not (all) loaded. */
export type Base =
  | { case: "history"; items: HistoryItem[] }
  | { case: "tool"; tool: ToolState }
  | { case: "ask"; ask: Ask };

export class Item<K extends Kind = Kind> {
  readonly key: string;
  readonly kind: K;
  /** Where it stands: the offset of its first piece; between two offsets for what a snapshot or a tail brought. */
  order = 0;
  atMs = 0;
  turnId = "";
  agentId = "";
  readonly pieces: Piece[] = [];
  tail: Event[] = [];
  base: Base | undefined;
  /** The place that the snapshot gives it, and the offset before which pieces are not counted then: they are in `base`. */
  baseOrder = Infinity;
  baseFrom = 0;
  /** `base` is needed: its own beginning is not loaded. */
  useBase = false;
  /** The conversation went back to before it. */
  struck = false;
  /** Nothing further comes for it: its turn or its process has ended. */
  closed = false;
  /** For rows that say only what is new: the mode stays the same, the plan's entries do. */
  repeats = false;
  /** Options: ids of those that have another value than in the row before; undefined: all are news. */
  news: readonly string[] | undefined;
  /** Not shown. */
  hidden = false;
  /** Counts its changes. */
  revision = 0;
  /** It is in the list. */
  listed = false;
  /** Bytes of output that its pieces hold. */
  outputBytes = 0;

  constructor(kind: K, key: string) {
    this.kind = kind;
    this.key = key;
  }

  is<Q extends Kind>(kind: Q): this is Item<Q> {
    return (this.kind as Kind) === kind;
  }
}

/** Kinds of the conversation: what a rewinding takes back. */
export const CONVERSATION: ReadonlySet<Kind> = new Set(["user", "assistant", "thought", "tool", "ask", "subagent", "turn", "compaction"]);

export type Whole = AssistantMessage | Thought;
