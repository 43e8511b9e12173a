/** Tool calls from their events (docs/spec.md 15.6), with more of their output than the view keeps. */
import {
  OutputStream, ToolStatus, type Event, type HistoryItem, type ToolOutput, type ToolState,
} from "@libremote/link/messages";
import type { ToolFold } from "./items.ts";

/** Of one call; what is older is dropped, and said. */
export const OUTPUT_BYTES_MAX = 1 << 20;

export const newTool = (id: string): ToolFold => ({
  id, title: "", name: "", kind: 0, status: ToolStatus.UNSPECIFIED, input: undefined, output: undefined, locations: [], parentId: "",
  content: [], chunks: [], chunkBytes: 0, dropped: 0, have: [0, 0, 0], ended: false, endedMs: 0, startedMs: 0, exitCode: undefined,
  reason: "", begun: false,
});

export const cloneTool = (fold: ToolFold): ToolFold => ({ ...fold, chunks: [...fold.chunks], have: [...fold.have] });

function setFields(fold: ToolFold, tool: ToolState): void {
  if (tool.title) fold.title = tool.title;
  if (tool.kind) fold.kind = tool.kind;
  if (tool.status) fold.status = tool.status;
  if (tool.input) fold.input = tool.input;
  if (tool.locations.length) fold.locations = tool.locations;
  if (tool.parentId) fold.parentId = tool.parentId;
  if (tool.content.length) fold.content = tool.content;
  if (tool.name) fold.name = tool.name;
}

const streamOf = (stream: OutputStream): 0 | 1 | 2 =>
  stream === OutputStream.STDOUT ? 1 : stream === OutputStream.STDERR ? 2 : 0;

function addChunk(fold: ToolFold, stream: number, data: Uint8Array): void {
  fold.chunks.push({ stream, data });
  fold.chunkBytes += data.length;
  while (fold.chunkBytes > OUTPUT_BYTES_MAX) {
    const over = fold.chunkBytes - OUTPUT_BYTES_MAX;
    const first = fold.chunks[0]!;
    const cut = Math.min(over, first.data.length);
    if (cut === first.data.length) fold.chunks.shift();
    else fold.chunks[0] = { stream: first.stream, data: first.data.subarray(cut) };
    fold.chunkBytes -= cut;
    fold.dropped += cut;
  }
}

/** `durable`: of earlier output that is not loaded only the size is known; of a tail it is a hole. */
export function addOutput(fold: ToolFold, output: ToolOutput, durable: boolean): void {
  const stream = streamOf(output.stream);
  const position = Number(output.position);
  const have = fold.have[stream];
  if (fold.ended) return;
  if (position > have) {
    if (!durable) return;
    fold.dropped += position - have;
    fold.have[stream] = position;
  }
  const known = fold.have[stream] - position;
  if (known >= output.data.length) return;
  addChunk(fold, stream, known === 0 ? output.data : output.data.subarray(known));
  fold.have[stream] = position + output.data.length;
}

/** A snapshot's words about a running call. */
export function baseRunning(fold: ToolFold, tool: ToolState): void {
  setFields(fold, tool);
  const before = Number(tool.outputPosition);
  const stdout = Number(tool.stdoutBytes);
  const stderr = Number(tool.stderrBytes);
  fold.have = [Math.max(0, before + tool.output.length - stdout - stderr), stdout, stderr];
  fold.dropped = before;
  if (tool.output.length) addChunk(fold, 0, tool.output);
}

/** A snapshot's words about a call that has ended. */
export function baseEnded(fold: ToolFold, item: HistoryItem, tool: ToolState): void {
  baseRunning(fold, tool);
  fold.ended = true;
  fold.endedMs = Number(item.atMs);
}

export function addToolEvent(fold: ToolFold, event: Event, durable: boolean): void {
  const body = event.body;
  switch (body.case) {
    case "toolStarted":
      fold.begun = true;
      fold.startedMs = Number(event.atMs);
      if (body.value.tool) setFields(fold, body.value.tool);
      break;
    case "toolUpdated":
      if (body.value.tool && !fold.ended) setFields(fold, body.value.tool);
      break;
    case "toolOutput":
      addOutput(fold, body.value, durable);
      break;
    case "toolAuthorized":
      if (fold.status === ToolStatus.PENDING) fold.status = ToolStatus.RUNNING;
      fold.startedMs = Number(event.atMs); // a person's time to answer is not the call's
      break;
    case "toolEnded": {
      const end = body.value;
      fold.ended = true;
      fold.endedMs = Number(event.atMs);
      fold.status = end.status || ToolStatus.COMPLETED;
      fold.exitCode = end.exitKnown ? end.exitCode : undefined;
      fold.reason = end.reason;
      if (end.content.length) fold.content = end.content;
      if (end.output) fold.output = end.output;
      break;
    }
    default:
      break;
  }
}
