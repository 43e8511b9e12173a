/**
 * Messages and thoughts as they are written: deltas by position, then the whole. A message of more than 64 KiB is
 * several items of one id, each with its position.
 */
import { create } from "@bufbuild/protobuf";
import {
  AssistantMessageSchema, HistoryItemSchema, ThoughtSchema, type AssistantMessage, type Event, type HistoryItem, type Thought,
} from "../messages.js";
import { copyOf, encodedBytes, framed, varint64Bytes } from "./copy.js";
import type { Source } from "./history.js";
import { ITEM_TEXT_BYTES_MAX, MESSAGE_BYTES_MAX, TAIL_ITEMS_MAX } from "./limits.js";
import { uint64, type Item, type Model, type Stream } from "./model.js";
import { utf8Bytes, utf8Floor, utf8Unit } from "./utf8.js";

/** A message or thought, as items hold it. */
export type Body = { case: "assistant"; value: AssistantMessage } | { case: "thought"; value: Thought };

export interface Delta {
  kind: Stream["kind"];
  messageId: string;
  position: bigint;
  text: string;
}

const belongs = (item: Item, kind: Stream["kind"], id: string): boolean =>
  item.stream !== undefined && item.stream.kind === kind && item.stream.id === id;

const endOf = (stream: Stream): bigint => uint64(stream.position + BigInt(stream.bytes));

/** The last part of a message; -1: there is none. */
function lastPart(model: Model, kind: Stream["kind"], id: string): number {
  for (let i = model.items.length - 1; i >= 0; i--) if (belongs(model.items[i]!, kind, id)) return i;
  return -1;
}

// ---- items ----

/** Every tag here has one byte. */
const scalar = (bytes: number, there: boolean): number => (there ? 1 + bytes : 0);

function measure(item: Item): void {
  const s = item.stream!;
  const body = s.fixedBytes + scalar(varint64Bytes(s.position), s.position !== 0n) + (s.bytes === 0 ? 0 : framed(1, s.bytes)) +
    scalar(1, s.more);
  item.encodedBytes = scalar(varint64Bytes(item.atMs), item.atMs !== 0n) +
    (item.turnId === "" ? 0 : framed(1, utf8Bytes(item.turnId))) +
    (item.agentId === "" ? 0 : framed(1, utf8Bytes(item.agentId))) + scalar(1, s.open) + framed(1, body);
}

/** The stream has changed: its message is made anew when somebody asks. */
function changed(item: Item): void {
  item.message = undefined;
  measure(item);
}

export function setFlags(item: Item, open: boolean, more: boolean): void {
  item.stream!.open = open;
  item.stream!.more = more;
  changed(item);
}

/** The message of a stream as it is, or without what tails added. */
export function showStream(item: Item, tails: boolean): HistoryItem {
  const s = item.stream!;
  const { id: messageId, position } = s;
  const [text, more, open] = tails ? [s.text, s.more, s.open] : [s.durableText, s.durableMore, s.durableOpen];
  const { atMs, turnId, agentId } = item;
  return create(HistoryItemSchema, {
    atMs, turnId, agentId, open,
    item: s.kind === "assistant"
      ? { case: "assistant", value: create(AssistantMessageSchema, { messageId, position, text, more, attachments: s.attachments }) }
      : { case: "thought", value: create(ThoughtSchema, { messageId, position, text, more }) },
  });
}

/** Inserts an item made of `body` at `index`, without its text. */
export function insertStream(model: Model, index: number, source: Source, body: Body, position: bigint, open: boolean): Item {
  const bare = body.case === "assistant"
    ? copyOf(AssistantMessageSchema, { ...body.value, text: "", position: 0n, more: false })
    : undefined;
  const { messageId, more } = body.value;
  const fixedBytes = bare ? encodedBytes(AssistantMessageSchema, bare) : messageId === "" ? 0 : framed(1, utf8Bytes(messageId));
  const item: Item = {
    atMs: source.atMs, turnId: source.turnId, agentId: source.agentId, message: undefined, encodedBytes: 0,
    stream: {
      kind: body.case, id: messageId, position, attachments: bare?.attachments ?? [], fixedBytes,
      text: "", bytes: 0, open, more, durableText: "", durableBytes: 0, durableOpen: open, durableMore: more, fromTail: false,
    },
  };
  measure(item);
  model.items.splice(index, 0, item);
  return item;
}

/** A part without text, open, that only tails or deltas know so far. undefined: a tail too many. */
function insertOpen(model: Model, index: number, source: Source, body: Body, position: bigint, tail: boolean): Item | undefined {
  if (tail && model.items.filter((item) => item.stream?.fromTail).length === TAIL_ITEMS_MAX) return undefined;
  const item = insertStream(model, index, source, body, position, true);
  item.stream!.fromTail = tail;
  return item;
}

/** The flags of a part that another one follows now. */
function followed(item: Item, tail: boolean): void {
  setFlags(item, false, true);
  if (tail) return;
  item.stream!.durableOpen = false;
  item.stream!.durableMore = true;
}

function appendText(item: Item, text: string, bytes: number, tail: boolean): void {
  const stream = item.stream!;
  stream.text += text;
  stream.bytes += bytes;
  if (!tail) {
    stream.durableText = stream.text;
    stream.durableBytes = stream.bytes;
  }
  changed(item);
}

/** What the part that goes on behind this one begins with: attachments stay with the first part. */
function continued(stream: Stream): Body {
  const { id: messageId, more } = stream;
  return stream.kind === "assistant"
    ? { case: "assistant", value: create(AssistantMessageSchema, { messageId, more }) }
    : { case: "thought", value: create(ThoughtSchema, { messageId, more }) };
}

/** Appends to the message whose last part is `index`, in further parts where one is full. */
function extend(model: Model, index: number, text: string, bytes: number, tail: boolean): void {
  while (bytes > 0) {
    const item = model.items[index]!;
    const room = ITEM_TEXT_BYTES_MAX - item.stream!.bytes;
    const fits = bytes <= room ? { units: text.length, bytes } : utf8Floor(text, room);
    appendText(item, text.slice(0, fits.units), fits.bytes, tail);
    text = text.slice(fits.units);
    bytes -= fits.bytes;
    if (bytes === 0) break;
    if (!insertOpen(model, index + 1, item, continued(item.stream!), endOf(item.stream!), tail)) return;
    followed(item, tail);
    index++;
  }
}

// ---- deltas ----

/** No message is longer, so no event makes more than four parts. */
function within(text: string): { text: string; bytes: number } {
  const bytes = utf8Bytes(text);
  if (bytes <= MESSAGE_BYTES_MAX) return { text, bytes };
  const kept = utf8Floor(text, MESSAGE_BYTES_MAX);
  return { text: text.slice(0, kept.units), bytes: kept.bytes };
}

function beginStream(model: Model, source: Source, delta: Delta, tail: boolean): boolean {
  const { messageId } = delta;
  const body: Body = delta.kind === "assistant"
    ? { case: "assistant", value: create(AssistantMessageSchema, { messageId }) }
    : { case: "thought", value: create(ThoughtSchema, { messageId }) };
  return insertOpen(model, model.items.length, source, body, 0n, tail) !== undefined;
}

/** A delta, durable or from a tail. */
export function foldDelta(model: Model, source: Source, delta: Delta, tail: boolean): void {
  const { text, bytes } = within(delta.text);
  if (bytes === 0 || delta.messageId === "") return;
  let index = lastPart(model, delta.kind, delta.messageId);
  if (index < 0) {
    if (delta.position !== 0n || !beginStream(model, source, delta, tail)) return;
    index = model.items.length - 1;
  }
  const stream = model.items[index]!.stream!;
  if (!stream.open) return;
  const end = endOf(stream);
  if (delta.position > end) return; // a hole: the durable message will fill it
  const skip = end - delta.position;
  if (skip >= BigInt(bytes)) return;
  const from = utf8Unit(text, Number(skip));
  if (from < 0) return;
  extend(model, index, from === 0 ? text : text.slice(from), bytes - Number(skip), tail);
}

// ---- whole messages ----

interface Cut {
  /** Where the part that begins there belongs. */
  place: number;
  /** The time of the part that it replaces, if any. */
  atMs: bigint | undefined;
}

/** Takes away what the message has from `position` on. */
function cutAt(model: Model, kind: Stream["kind"], id: string, position: bigint): Cut {
  const cut: Cut = { place: model.items.length, atMs: undefined };
  for (let i = model.items.length - 1; i >= 0; i--) {
    const item = model.items[i]!;
    if (!belongs(item, kind, id)) continue;
    const stream = item.stream!;
    if (stream.position >= position) {
      cut.atMs = item.atMs;
      model.items.splice(i, 1);
      cut.place = i;
      continue;
    }
    if (endOf(stream) > position) {
      const kept = utf8Floor(stream.text, Number(position - stream.position));
      stream.text = stream.durableText = stream.text.slice(0, kept.units);
      stream.bytes = stream.durableBytes = kept.bytes;
    }
    followed(item, false);
    cut.place = i + 1;
    break;
  }
  return cut;
}

function setEnd(item: Item, more: boolean): void {
  item.stream!.durableOpen = item.stream!.durableMore = more;
  setFlags(item, more, more);
}

/** A whole message, or a part of one. */
export function foldWhole(model: Model, event: Event, body: Body): void {
  const { messageId: id, position, more } = body.value;
  const { text, bytes } = within(body.value.text);
  const { place, atMs }: Cut = id === "" ? { place: model.items.length, atMs: undefined } : cutAt(model, body.case, id, position);
  const saysNothing = bytes === 0 && !(body.case === "assistant" && body.value.attachments.length > 0);
  const before = model.items[place - 1];
  if (saysNothing && id !== "" && position > 0n && before && belongs(before, body.case, id)) {
    setEnd(before, more); // only the end of what is there already
    return;
  }
  const source: Source = { atMs: atMs ?? event.atMs, turnId: event.turnId, agentId: event.agentId };
  insertStream(model, place, source, body, position, more);
  extend(model, place, text, bytes, false);
  if (bytes <= ITEM_TEXT_BYTES_MAX) return;
  let last = place; // several parts: the flags belong to the last one
  while (last + 1 < model.items.length && model.items[last]!.stream!.durableMore && belongs(model.items[last + 1]!, body.case, id)) last++;
  setEnd(model.items[last]!, more);
}
