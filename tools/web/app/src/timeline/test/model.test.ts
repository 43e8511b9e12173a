import { describe, expect, test } from "vitest";
import { create, EventSchema } from "@libremote/link/messages";
import { FATES } from "../fates.ts";
import { stateOf } from "../fold.ts";
import { wholeText } from "../fold_text.ts";
import { TimelineModel } from "../model.ts";
import { random, session, snapshotOf, type Told } from "./make.ts";

/** All that a row shows, as text. */
function picture(model: TimelineModel): string[] {
  model.settle();
  return model.items.map((item) => JSON.stringify(
    [item.key, item.kind, item.order, item.struck, item.closed, item.repeats, item.news, item.atMs, item.turnId, item.agentId, stateOf(item)],
    (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value instanceof Uint8Array ? new TextDecoder().decode(value) : value),
  ));
}

const durable = (told: Told[]) => told.filter((one) => !one.tail).map((one, offset) => ({ offset, event: one.event, raw: new Uint8Array() }));

test("of options only those are news whose value has changed since they were told by anybody, in whatever order that is read", () => {
  // by somebody, by the agent (no row), by somebody again
  const told = [["ask", "large", true], ["ask", "small", false], ["auto", "small", true], ["auto", "small", true]].map(([mode, model, by], offset) => ({
    offset, raw: new Uint8Array(),
    event: create(EventSchema, { body: { case: "configOptionsChanged", value: {
      options: [{ optionId: "mode", currentValue: `${mode}` }, { optionId: "model", currentValue: `${model}` }],
      ...(by ? { by: { local: true } } : {}) } } }),
  }));
  const model = new TimelineModel();
  const news = () => {
    model.settle();
    return model.items.filter((item) => item.kind === "line").map((item) => item.news);
  };
  for (const { offset, event } of told.slice(2)) model.event(offset, event);
  expect(news()).toEqual([undefined, []]);
  model.page(2, { events: told.slice(0, 2), from: 0, first: true, trimmed: false, unreadable: 0 });
  expect(news()).toEqual([undefined, ["mode"], []]);
});

function inOrder(told: Told[]): TimelineModel {
  const model = new TimelineModel();
  for (const { offset, event } of durable(told)) model.event(offset, event);
  return model;
}

/** The page of at most `count` offsets before `before`. */
function readPage(model: TimelineModel, all: ReturnType<typeof durable>, before: number, count: number): void {
  const from = Math.max(0, before - count);
  model.page(before, { events: all.slice(from, before), from, first: from === 0, trimmed: false, unreadable: 0 });
}

/** A reader that begins at a snapshot, sees tails, jumps, and pages back at random moments. */
function anyHow(told: Told[], seed: number): TimelineModel {
  const next = random(seed);
  const all = durable(told);
  const model = new TimelineModel();
  const past = new TimelineModel();
  let offset = 0;
  let jump = Math.floor(next() * all.length * 0.8);
  let lost = false;
  for (const one of told) {
    if (one.tail) {
      if (offset > jump && !lost) model.take({ kind: "tail", event: one.event });
      else if (next() < 0.01) lost = !lost; // a tail is lost now and then: a hole
      continue;
    }
    past.event(offset, one.event);
    if (offset === jump) {
      model.snapshot(offset + 1, snapshotOf(past));
    } else if (offset > jump) {
      if (one.clears) model.take({ kind: "tail-cleared" });
      lost = false;
      model.take({ kind: "event", offset, event: one.event, raw: new Uint8Array() });
      if (next() < 0.004) jump = Math.min(all.length - 1, offset + 1 + Math.floor(next() * 60));
    }
    offset++;
    if (next() < 0.1) model.settle();
    if (next() < 0.03 && model.ranges.length) {
      const range = model.ranges[Math.floor(next() * model.ranges.length)]!;
      if (range.from > 0) readPage(model, all, range.from, 1 + Math.floor(next() * 40));
    }
  }
  model.take({ kind: "tail-cleared" });
  for (let left = model.ranges.length; left > 0; left = model.ranges.filter((range) => !range.first).length) {
    const range = model.ranges.find((one) => !one.first);
    if (!range) break;
    readPage(model, all, range.from, 1 + Math.floor(next() * 80));
    if (next() < 0.3) model.settle();
  }
  return model;
}

describe("the timeline's model", () => {
  test("every body of an Event has a fate", () => {
    const bodies = EventSchema.oneofs.find((one) => one.name === "body")!.fields.map((field) => field.localName);
    expect(Object.keys(FATES).sort()).toEqual([...bodies].sort());
  });

  test("any way of reading gives the same list", { timeout: 300_000 }, () => {
    for (let seed = 1; seed <= 60; seed++) {
      const told = session(seed, 120 + (seed % 7) * 60);
      const whole = picture(inOrder(told));
      const pieces = picture(anyHow(told, seed * 7919));
      expect(pieces, `seed ${seed}`).toEqual(whole);
    }
  });

  test("a tail never doubles text, and a hole waits for the whole", { timeout: 300_000 }, () => {
    for (let seed = 100; seed < 130; seed++) {
      const told = session(seed, 150);
      const model = new TimelineModel();
      const final = new Map(inOrder(told).items.map((item) => [item.key, item]));
      const end = inOrder(told);
      end.settle();
      for (const item of end.items) final.set(item.key, item);
      const next = random(seed);
      let offset = 0;
      for (const one of told) {
        if (one.tail) {
          if (next() < 0.9) model.take({ kind: "tail", event: one.event });
        } else {
          if (one.clears) model.take({ kind: "tail-cleared" });
          model.event(offset++, one.event);
        }
        model.settle();
        const { body } = one.event;
        if (body.case !== "assistantDelta") continue;
        const item = model.get(`a:${body.value.messageId}`);
        const goal = final.get(`a:${body.value.messageId}`);
        if (!item?.is("assistant") || !goal?.is("assistant")) continue;
        // What was never said again durably may be longer in tails.
        const [now, then] = [wholeText(stateOf(item)), wholeText(stateOf(goal))];
        expect(then.startsWith(now) || (stateOf(goal).open && now.startsWith(then))).toBe(true);
      }
    }
  });

  test("a jump leaves a gap that pages fill", () => {
    const told = session(5, 300);
    const all = durable(told);
    const model = new TimelineModel();
    const past = new TimelineModel();
    for (let i = 0; i < 100; i++) model.event(i, all[i]!.event);
    for (let i = 0; i < 250; i++) past.event(i, all[i]!.event);
    model.snapshot(250, snapshotOf(past));
    for (let i = 250; i < all.length; i++) model.event(i, all[i]!.event);
    model.settle();
    const gap = model.items.find((item) => item.kind === "gap")!;
    expect(gap.is("gap") && stateOf(gap)).toEqual({ from: 100, to: 250, front: false });
    const before = model.items.indexOf(gap);
    expect(model.items[before + 1]!.base).toBeDefined();
    readPage(model, all, 250, 100);
    model.settle();
    expect(stateOf(model.items.find((item) => item.kind === "gap")! as typeof gap)).toEqual({ from: 100, to: 150, front: false });
    readPage(model, all, 150, 100);
    expect(picture(model)).toEqual(picture(inOrder(told)));
  });

  test("a reset forgets everything", () => {
    const model = inOrder(session(3, 50));
    model.settle();
    model.take({ kind: "reset", offset: 0, epoch: new Uint8Array(16) });
    expect(model.settle().structural).toBe(true);
    expect(model.items).toEqual([]);
  });

  test("50,000 events", { timeout: 300_000 }, () => {
    const told = session(42, 50_000);
    const all = durable(told);
    let began = performance.now();
    const model = new TimelineModel();
    for (const { offset, event } of all) model.event(offset, event);
    model.settle();
    const folded = performance.now() - began;
    began = performance.now();
    const paged = new TimelineModel();
    paged.event(all.length - 1, all.at(-1)!.event);
    for (let before = all.length - 1; before > 0; before -= 300) {
      readPage(paged, all, before, 300);
      paged.settle();
    }
    console.log(`${all.length} events: folded in ${folded.toFixed(0)} ms; in pages of 300, settled each time, ${(performance.now() - began).toFixed(0)} ms; ` +
      `${model.items.length} items`);
    expect(paged.items.length).toBe(model.items.length);
  });
});
