import { readFileSync } from "node:fs";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { View } from "../src/index.js";
import { EventSchema, Status, type Event } from "../src/messages.js";
import * as limits from "../src/view/limits.js";
import { utf8Bytes, utf8Cut, utf8Unit } from "../src/view/utf8.js";

const event = (body: MessageInitShape<typeof EventSchema>["body"], turnId = ""): Event => create(EventSchema, { atMs: 1n, turnId, body });
const delta = (messageId: string, position: number, text: string): Event =>
  event({ case: "assistantDelta", value: { messageId, position: BigInt(position), text } });

describe("limits", () => {
  it("are the library's", () => {
    const found = new Map<string, string>();
    for (const file of ["include/remote/limits.h", "src/session/view_internal.h", "src/session/view_copy.h", "src/session/view_tools.c"])
      for (const [, name, value] of readFileSync(new URL(`../../../../libremote/${file}`, import.meta.url), "utf8")
        .matchAll(/^#define (?:LRM__|LRM_)?(\w+) \(?([\dul* ]+)\)?/gm)) found.set(name!, value!);
    for (const [name, value] of Object.entries(limits)) {
      if (name === "OFFSET_MAX") continue;
      const factors = found.get(name)?.replace(/[ul ]/g, "").split("*");
      expect(factors?.reduce((all, one) => all * Number(one), 1), name).toBe(Number(value));
    }
  });
});

describe("utf8", () => {
  it("counts and cuts as encoders do", () => {
    for (const text of ["", "abc", "é", "漢字", "🙂𝄞", "a🙂b漢c", "\u{10ffff}", "\ud800", "a\udc00b"]) {
      const bytes = new TextEncoder().encode(text);
      expect(utf8Bytes(text)).toBe(bytes.length);
      for (let most = 0; most <= bytes.length; most++) {
        const cut = utf8Cut(text, most);
        const whole = bytes.subarray(0, most);
        expect(new TextEncoder().encode(cut).length).toBeLessThanOrEqual(most);
        const boundary = most === bytes.length || (bytes[most]! & 0xc0) !== 0x80;
        if (boundary) expect(new TextEncoder().encode(cut)).toEqual(whole);
        expect(utf8Unit(text, most) >= 0).toBe(boundary);
      }
    }
  });
});

describe("identity", () => {
  it("of what has not changed stays", () => {
    const view = new View();
    view.apply(event({ case: "statusChanged", value: { status: Status.IDLE } }));
    view.apply(delta("one", 0, "first"));
    view.apply(event({ case: "assistantMessage", value: { messageId: "one", text: "first" } }));
    view.apply(delta("two", 0, "sec"));
    view.apply(event({ case: "planUpdated", value: { entries: [{ text: "do it" }] } }));
    const before = view.state;
    expect(view.state).toBe(before);
    view.apply(event({ case: "deviceAttached", value: {} }));
    expect(view.state).toBe(before);
    view.applyTail(delta("two", 3, "ond"));
    const after = view.state;
    expect(after).not.toBe(before);
    expect(after.plan).toBe(before.plan);
    expect(after.history[0]).toBe(before.history[0]);
    expect(after.history[1]).not.toBe(before.history[1]);
    expect(before.history[1]!.item.value).toMatchObject({ text: "sec" });
    expect(after.history[1]!.item.value).toMatchObject({ text: "second" });
    view.clearTail();
    expect(view.state.history[1]!.item.value).toMatchObject({ text: "sec" });
    expect(view.state.plan).toBe(before.plan);
  });

  it("of a tool's output is a copy", () => {
    const view = new View();
    view.apply(event({ case: "toolStarted", value: { tool: { toolCallId: "t" } } }));
    view.apply(event({ case: "toolOutput", value: { toolCallId: "t", data: Buffer.from("one") } }));
    const before = view.state;
    for (let i = 0; i < 20; i++)
      view.apply(event({ case: "toolOutput", value: { toolCallId: "t", position: BigInt(3 + 2000 * i), data: new Uint8Array(2000).fill(65) } }));
    expect(Buffer.from(before.tools[0]!.output).toString()).toBe("one");
    expect(view.state.tools[0]!.output.length).toBe(limits.TOOL_OUTPUT_BYTES);
  });
});

describe("a view", () => {
  it("does not keep what its events' owner changes", () => {
    const view = new View();
    const opened = event({ case: "askOpened", value: { ask: { askId: new Uint8Array(16).fill(1), why: "because" } } });
    view.apply(opened);
    if (opened.body.case === "askOpened") opened.body.value.ask!.why = "changed";
    expect(view.state.asks[0]!.why).toBe("because");
  });

  it("restores a state, and is empty after reset", () => {
    const view = new View();
    view.apply(delta("one", 0, "text"));
    view.apply(event({ case: "titleChanged", value: { title: "a title" } }));
    const other = new View();
    other.apply(event({ case: "titleChanged", value: { title: "gone" } }));
    other.restore(view.state);
    expect(other.state).toEqual(view.state);
    other.reset();
    expect(other.state).toEqual(new View().state);
  });

  it("folds 50,000 events, and shows each hundredth", () => {
    const made: Event[] = [];
    for (let turn = 0; made.length < 50_000; turn++) {
      made.push(event({ case: "userMessage", value: { messageId: `u${turn}`, text: "Please." } }));
      for (let i = 0; i < 60; i++) made.push(delta(`m${turn}`, 20 * i, "twenty bytes of text"));
      made.push(event({ case: "assistantMessage", value: { messageId: `m${turn}`, text: "twenty bytes of text".repeat(60) } }));
      made.push(event({ case: "toolStarted", value: { tool: { toolCallId: `t${turn}`, title: "make" } } }));
      for (let i = 0; i < 30; i++)
        made.push(event({ case: "toolOutput", value: { toolCallId: `t${turn}`, position: BigInt(80 * i), data: new Uint8Array(80).fill(65) } }));
      made.push(event({ case: "toolEnded", value: { toolCallId: `t${turn}` } }));
    }
    const view = new View();
    const began = performance.now();
    made.forEach((one, i) => {
      view.apply(one);
      if (i % 100 === 0) void view.state;
    });
    expect(view.state.history.length).toBe(limits.HISTORY_ITEMS);
    console.log(`${made.length} events folded in ${Math.round(performance.now() - began)} ms`);
  });
});
