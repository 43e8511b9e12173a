/** Running tools, each with the last 16 KiB of its output. When a tool ends it becomes a part of the history. */
import { create } from "@bufbuild/protobuf";
import { OutputStream, ToolContentSchema, ToolStateSchema, ToolStatus, type ToolEnded, type ToolOutput, type ToolState } from "../messages.js";
import { copyOf, type Cuts } from "./copy.js";
import { addTool, type Source } from "./history.js";
import { ENDED_OUTPUT_BYTES_MAX, OFFSET_MAX, TOOL_OUTPUT_BYTES, TOOLS_MAX } from "./limits.js";
import { uint64, type Model, type Tool } from "./model.js";
import { bytesCeil } from "./utf8.js";

const NOTHING = new Uint8Array(0);

export const toolOf = (model: Model, toolCallId: string): Tool | undefined =>
  model.tools.find((tool) => tool.state.toolCallId === toolCallId);

// ---- output ----

/** Where the last `most` of `bytes` begin, not within a character. */
function window(output: Uint8Array, bytes: number, most: number): number {
  return bytes <= most ? 0 : bytesCeil(output, bytes, bytes - most);
}

/** The tool as it is, or without what tails added. */
export function showTool(tool: Tool, tails: boolean): ToolState {
  const bytes = tails ? tool.bytes : tool.durableBytes;
  const streams = tails ? tool.streams : tool.durableStreams;
  const start = window(tool.output, bytes, TOOL_OUTPUT_BYTES);
  return {
    ...tool.state,
    output: tool.output.slice(start, bytes),
    outputPosition: uint64(tool.position + BigInt(start)),
    stdoutBytes: streams[OutputStream.STDOUT],
    stderrBytes: streams[OutputStream.STDERR],
  };
}

function appendOutput(tool: Tool, data: Uint8Array): void {
  if (tool.bytes + data.length > tool.output.length) {
    let capacity = Math.max(tool.output.length, 1024);
    while (capacity < tool.bytes + data.length) capacity *= 2;
    const larger = new Uint8Array(capacity);
    larger.set(tool.output.subarray(0, tool.bytes));
    tool.output = larger;
  }
  tool.output.set(data, tool.bytes);
  tool.bytes += data.length;
  tool.message = undefined;
}

/** What was appended is durable: only the window is kept. */
function settleOutput(tool: Tool): void {
  const start = window(tool.output, tool.bytes, TOOL_OUTPUT_BYTES);
  if (start !== 0) tool.output.copyWithin(0, start, tool.bytes);
  tool.position = uint64(tool.position + BigInt(start));
  tool.bytes -= start;
  tool.durableBytes = tool.bytes;
  tool.durableStreams = [...tool.streams];
}

export function foldOutput(model: Model, output: ToolOutput, tail: boolean): void {
  const tool = toolOf(model, output.toolCallId);
  if (!tool) return;
  const stream = output.stream === OutputStream.STDOUT || output.stream === OutputStream.STDERR ? output.stream : 0;
  const have = tool.streams[stream];
  if (output.position > have || have - output.position >= BigInt(output.data.length)) return;
  const fresh = output.data.subarray(Number(have - output.position));
  appendOutput(tool, fresh);
  tool.streams[stream] = uint64(have + BigInt(fresh.length));
  if (!tail) settleOutput(tool);
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** Output and its positions as a snapshot tells them; numbers that cannot be are made to fit. */
function restoreOutput(tool: Tool, state: ToolState): void {
  tool.bytes = tool.durableBytes = 0;
  tool.position = least(state.outputPosition, OFFSET_MAX);
  appendOutput(tool, state.output);
  const all = tool.position + BigInt(tool.bytes);
  const out = least(state.stdoutBytes, all);
  const err = least(state.stderrBytes, all - out);
  tool.streams = [all - out - err, out, err];
  settleOutput(tool);
}

// ---- state ----

/** Fields of `news` that are set replace the older ones. */
function merged(old: ToolState, news: ToolState): ToolState {
  return {
    ...old,
    title: news.title || old.title,
    kind: news.kind || old.kind,
    status: news.status || old.status,
    input: news.input ?? old.input,
    locations: news.locations.length > 0 ? news.locations : old.locations,
    parentId: news.parentId || old.parentId,
    content: news.content.length > 0 ? news.content : old.content,
    name: news.name || old.name,
  };
}

const withoutOutput = (tool: ToolState): ToolState =>
  ({ ...tool, output: NOTHING, outputPosition: 0n, stdoutBytes: 0n, stderrBytes: 0n });

/** A running tool must fit a snapshot's message together with its output, whatever its updates add up to. */
const RUNNING: Cuts = new Map([[5, 32768], [6, 16384], [8, 65536], [0, 2048]]);

/** The raw output stands in when the agent gave nothing else, and the stream when not even that. */
function addResult(state: ToolState, ended: Pick<ToolEnded, "content" | "output">, tool: Tool | undefined): void {
  if (ended.content.length > 0) {
    state.content = ended.content;
  } else if (state.content.length === 0 && ended.output && ended.output.text !== "") {
    state.content = [create(ToolContentSchema, { content: { case: "other", value: ended.output } })];
  } else if (state.content.length === 0 && tool) {
    const start = window(tool.output, tool.durableBytes, ENDED_OUTPUT_BYTES_MAX);
    state.output = tool.output.slice(start, tool.durableBytes);
    state.outputPosition = uint64(tool.position + BigInt(start));
  }
}

/** The oldest makes room: it goes into the history with the status it has. */
function makeRoom(model: Model, source: Source): void {
  if (model.tools.length < TOOLS_MAX) return;
  const oldest = model.tools.shift()!;
  const state = withoutOutput(oldest.state);
  addResult(state, { content: [] }, oldest);
  addTool(model, source, state);
}

/** `restore`: a set is whole; of the same id twice the later one stands for itself. */
export function upsertTool(model: Model, source: Source, news: ToolState | undefined, restore: boolean): void {
  if (!news || news.toolCallId === "") return;
  const tool = toolOf(model, news.toolCallId);
  if (!tool) makeRoom(model, source);
  const old = tool && !restore ? tool.state : create(ToolStateSchema, { toolCallId: news.toolCallId });
  const state = copyOf(ToolStateSchema, withoutOutput(merged(old, news)), RUNNING);
  const mine: Tool = tool ?? {
    state, output: NOTHING, bytes: 0, durableBytes: 0, position: 0n, streams: [0n, 0n, 0n], durableStreams: [0n, 0n, 0n],
    message: undefined,
  };
  mine.state = state;
  mine.message = undefined;
  if (!tool) model.tools.push(mine);
  if (restore) restoreOutput(mine, news);
}

export function toolAuthorized(model: Model, toolCallId: string): void {
  const tool = toolCallId === "" ? undefined : toolOf(model, toolCallId);
  if (tool?.state.status !== ToolStatus.PENDING) return;
  tool.state = { ...tool.state, status: ToolStatus.RUNNING };
  tool.message = undefined;
}

// ---- the end ----

export function foldEnded(model: Model, source: Source, ended: ToolEnded): void {
  if (ended.toolCallId === "") return;
  const tool = toolOf(model, ended.toolCallId);
  const state = withoutOutput(tool?.state ?? create(ToolStateSchema));
  state.toolCallId = ended.toolCallId;
  state.status = ended.status || ToolStatus.COMPLETED;
  addResult(state, ended, tool);
  addTool(model, source, state);
  if (tool) model.tools.splice(model.tools.indexOf(tool), 1);
}
