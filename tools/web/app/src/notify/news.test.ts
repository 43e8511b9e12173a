import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { SessionEntrySchema, SessionInfoSchema, Status, type SessionEntry } from "@libremote/link/messages";
import { changes } from "./news.ts";

const ask = (byte: number) => new Uint8Array(16).fill(byte);

function entry(status: Status, asks: number[] = [], localInputMs = 0n): SessionEntry {
  return create(SessionEntrySchema, {
    sessionId: new Uint8Array(16).fill(9),
    info: create(SessionInfoSchema, { status, asks: asks.map((one) => ({ askId: ask(one) })), localInputMs }),
  });
}
const tag = (byte: number) => `ask-${byte.toString(16).padStart(2, "0").repeat(16)}`;

describe("news of sessions", () => {
  test("the first look brings none", () => {
    expect(changes(undefined, [entry(Status.NEEDS_INPUT, [1])]).news).toEqual([]);
  });

  test("each ask once, and its end", () => {
    const first = changes(undefined, [entry(Status.WORKING)]);
    const second = changes(first.seen, [entry(Status.NEEDS_INPUT, [1, 2])]);
    expect(second.news.map((one) => one.event)).toEqual(["ask", "ask"]);
    const third = changes(second.seen, [entry(Status.NEEDS_INPUT, [2, 3])]);
    expect(third.news.map((one) => one.ask)).toEqual(["03".repeat(16)]);
    expect(third.over).toEqual([tag(1)]);
    expect(changes(third.seen, []).over).toEqual([tag(2), tag(3)]);
  });

  test("a turn that ends, an agent that fails, work that goes on", () => {
    const working = changes(undefined, [entry(Status.WORKING)]);
    const idle = changes(working.seen, [entry(Status.IDLE)]);
    expect(idle.news.map((one) => one.event)).toEqual(["done"]);
    expect(changes(idle.seen, [entry(Status.WORKING)]).over).toEqual([`done-${"09".repeat(16)}`]);
    expect(changes(working.seen, [entry(Status.ERROR)]).news.map((one) => one.event)).toEqual(["error"]);
  });

  test("not while its terminal is used", () => {
    const first = changes(undefined, [entry(Status.WORKING)], 1_000_000);
    expect(changes(first.seen, [entry(Status.NEEDS_INPUT, [1], 990_000n)], 1_000_000).news).toEqual([]);
  });
});
