/**
 * What is ephemeral: tails are kept, laid over the durable state, taken off before anything durable is folded and laid
 * over again afterwards. So a tail can never change what the log says, in whatever order the two arrive.
 */
import { EventSchema, type Event, type Usage } from "../messages.js";
import { encodedBytes } from "./copy.js";
import { head } from "./history.js";
import { TAIL_BYTES_MAX } from "./limits.js";
import type { Model, UsageFigures } from "./model.js";
import { foldDelta, setFlags } from "./stream.js";
import { foldOutput } from "./tools.js";
import { utf8Cut } from "./utf8.js";

/** Zero and empty mean "not told". */
export function mergeUsage(usage: UsageFigures, news: Usage | undefined): UsageFigures {
  if (!news) return usage;
  return {
    contextTokens: news.contextTokens || usage.contextTokens,
    contextSize: news.contextSize || usage.contextSize,
    costMicros: news.costMicros || usage.costMicros,
    currency: news.currency === "" ? usage.currency : utf8Cut(news.currency, 23),
  };
}

/** With what tails have told. */
export function shownUsage(model: Model): UsageFigures {
  let usage = model.usage;
  for (const { body } of model.tails) if (body.case === "usageUpdated") usage = mergeUsage(usage, body.value.usage);
  return usage;
}

function layOverOne(model: Model, event: Event): void {
  const { body } = event;
  if (body.case === "toolOutput") foldOutput(model, body.value, true);
  else if (body.case === "assistantDelta") foldDelta(model, head(event), { kind: "assistant", ...body.value }, true);
  else if (body.case === "thoughtDelta") foldDelta(model, head(event), { kind: "thought", ...body.value }, true);
}

/** They stay kept. */
export function takeOffTails(model: Model): void {
  if (!model.laidOver) return;
  model.laidOver = false;
  model.items = model.items.filter((item) => !item.stream?.fromTail);
  for (const item of model.items) {
    const stream = item.stream;
    if (!stream) continue;
    if (stream.bytes === stream.durableBytes && stream.open === stream.durableOpen && stream.more === stream.durableMore) continue;
    stream.text = stream.durableText;
    stream.bytes = stream.durableBytes;
    setFlags(item, stream.durableOpen, stream.durableMore);
  }
  for (const tool of model.tools) {
    if (tool.bytes === tool.durableBytes) continue;
    tool.bytes = tool.durableBytes;
    tool.streams = [...tool.durableStreams];
    tool.message = undefined;
  }
}

/** Lays them over the durable state again. Only when somebody looks: until then nothing depends on it. */
export function layOverTails(model: Model): void {
  if (model.laidOver || model.tails.length === 0) return;
  for (const event of model.tails) layOverOne(model, event);
  model.laidOver = true;
}

export function forgetTails(model: Model): void {
  takeOffTails(model);
  model.tails = [];
  model.tailBytes = 0;
  model.tailFull = false;
}

function concernsView({ body }: Event): boolean {
  if (body.case === "usageUpdated") return body.value.usage !== undefined;
  return body.case === "assistantDelta" || body.case === "thoughtDelta" || body.case === "toolOutput";
}

export function foldTail(model: Model, event: Event): void {
  if (model.tailFull || !concernsView(event)) return;
  const bytes = encodedBytes(EventSchema, event, true);
  if (model.tailBytes + bytes > TAIL_BYTES_MAX) {
    model.tailFull = true; // no more until it is clear again: a hole would follow anyway
    return;
  }
  layOverTails(model);
  model.tails.push(event);
  model.tailBytes += bytes;
  layOverOne(model, event);
  model.laidOver = true;
}
