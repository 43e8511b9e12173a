/** The history: the last messages, ended tools and notices, within 64 items and 256 KiB. */
import { create } from "@bufbuild/protobuf";
import { HistoryItemSchema, ToolStateSchema, type Event, type HistoryItem, type ToolState } from "../messages.js";
import { boundedCopy, copyOf, encodedBytes, type Cuts } from "./copy.js";
import { HISTORY_BYTES, HISTORY_ITEMS, ITEM_TEXT_BYTES_MAX } from "./limits.js";
import type { Item, Model } from "./model.js";
import { insertStream, setFlags, showStream } from "./stream.js";
import { utf8Floor } from "./utf8.js";

/** Id of the message that an item is, or is a part of; "" when it has none. */
function messageId(item: Item): string {
  if (item.stream) return item.stream.id;
  return item.message!.item.case === "user" ? item.message!.item.value.messageId : "";
}

// ---- limits ----

/** Index of the first item that fits, counted from the newest. */
export function firstWithin(model: Model): number {
  let first = model.items.length, bytes = 0;
  while (first > 0 && model.items.length - first < HISTORY_ITEMS) {
    bytes += model.items[first - 1]!.encodedBytes;
    if (bytes > HISTORY_BYTES) break;
    first--;
  }
  return first;
}

export function boundHistory(model: Model): void {
  const first = firstWithin(model);
  if (first === 0) return;
  model.historyCut = true;
  model.items.splice(0, first);
}

/** The item as it is shown. */
export function showItem(item: Item): HistoryItem {
  return (item.message ??= showStream(item, true));
}

// ---- adding ----

/** Where an item comes from: its head, without a body. */
export type Source = Pick<Event, "atMs" | "turnId" | "agentId">;

/** Running the cuts over what was cut before changes nothing, so items from a snapshot pass here as well. */
const ENDED_TOOL: Cuts = new Map([[5, 1024], [6, 1024], [8, 4096], [10, 4096]]);

/** The copy that is kept: what a tool produced is cut to 4 KiB. */
function keep(source: Source, item: HistoryItem["item"]): Item | undefined {
  const kept = item.case === "tool" ? { case: item.case, value: copyOf(ToolStateSchema, item.value, ENDED_TOOL) } : item;
  const { atMs, turnId, agentId } = source;
  const message = boundedCopy(HistoryItemSchema, create(HistoryItemSchema, { atMs, turnId, agentId, item: kept }));
  if (!message) return undefined;
  return { atMs, turnId, agentId, stream: undefined, message, encodedBytes: encodedBytes(HistoryItemSchema, message) };
}

/** Adds what a snapshot or an event brings; items without content are left out. */
export function addItem(model: Model, source: Source, item: HistoryItem["item"], open: boolean): void {
  switch (item.case) {
    case "assistant":
    case "thought": {
      const text = item.value.text;
      insertStream(model, model.items.length, source, item, item.value.position, open);
      const kept = utf8Floor(text, ITEM_TEXT_BYTES_MAX);
      appendWhole(model.items.at(-1)!, text.slice(0, kept.units), kept.bytes);
      break;
    }
    case "user":
    case "tool":
    case "notice": {
      const kept = keep(source, item);
      if (kept) model.items.push(kept);
      break;
    }
  }
}

function appendWhole(item: Item, text: string, bytes: number): void {
  const stream = item.stream!;
  stream.text = stream.durableText = text;
  stream.bytes = stream.durableBytes = bytes;
  setFlags(item, stream.open, stream.more);
}

/** In the place of item `index`, which keeps its time; index === length: at the end. */
function put(model: Model, index: number, source: Source, item: HistoryItem["item"]): void {
  const old = model.items[index];
  if (!old) {
    addItem(model, source, item, false);
    return;
  }
  const kept = keep({ ...source, atMs: old.atMs }, item);
  if (kept) model.items[index] = kept;
}

export function addUser(model: Model, event: Event, item: HistoryItem["item"] & { case: "user" }): void {
  const id = item.value.messageId;
  let index = model.items.length;
  if (id !== "")
    model.items.forEach((have, i) => {
      if (have.message?.item.case === "user" && have.message.item.value.messageId === id) index = i;
    });
  put(model, index, head(event), item);
}

/** An item's head from the event that made it. */
export const head = (event: Event): Source => ({ atMs: event.atMs, turnId: event.turnId, agentId: event.agentId });

// ---- ended tools ----

function toolIndex(model: Model, toolCallId: string): number {
  for (let i = model.items.length - 1; i >= 0; i--) {
    const item = model.items[i]!.message?.item;
    if (item?.case === "tool" && item.value.toolCallId === toolCallId) return i;
  }
  return model.items.length;
}

export function hasTool(model: Model, toolCallId: string): boolean {
  return toolIndex(model, toolCallId) < model.items.length;
}

export function addTool(model: Model, source: Source, tool: ToolState): void {
  put(model, toolIndex(model, tool.toolCallId), source, { case: "tool", value: tool });
}

// ---- rewinding and closing ----

export function rewind(model: Model, id: string): void {
  let kept = model.items.length;
  while (kept > 0 && (id === "" || messageId(model.items[kept - 1]!) !== id)) kept--;
  // A message that is not here, though all of the history is, was never said.
  if (kept === 0 && id !== "" && !model.historyCut) return;
  model.items.length = kept;
}

/** Streams of this turn (undefined: all) are no longer written. */
export function closeStreams(model: Model, turnId?: string): void {
  for (const item of model.items) {
    if (!item.stream?.open || (turnId !== undefined && item.turnId !== turnId)) continue;
    setFlags(item, false, item.stream.durableMore);
    item.stream.durableOpen = false;
  }
}
