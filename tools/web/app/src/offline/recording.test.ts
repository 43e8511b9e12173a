import { expect, test } from "vitest";
import { View, type SessionNews } from "@libremote/link";
import { create, EventSchema, SessionStateSchema, toBinary, UserMessageSchema } from "@libremote/link/messages";
import { CHUNK_BYTES_MAX, CHUNKS_MAX, Recording, replay } from "./recording.ts";

const said = (n: number, text = `message ${n}`): SessionNews => {
  const event = create(EventSchema, { atMs: BigInt(n), body: { case: "userMessage", value: create(UserMessageSchema, { messageId: `m${n}`, text }) } });
  return { kind: "event", offset: n, event, raw: toBinary(EventSchema, event) };
};
const snapshot = (offset: number): SessionNews => ({ kind: "snapshot", offset, state: create(SessionStateSchema, { title: "from a snapshot" }) });

function folded(news: readonly SessionNews[]) {
  const view = new View();
  for (const one of news) {
    if (one.kind === "snapshot") view.restore(one.state);
    else if (one.kind === "event") view.apply(one.event);
  }
  return toBinary(SessionStateSchema, view.state);
}

test("what is replayed folds to what was told, also when the beginning has gone", () => {
  const recording = new Recording();
  const news: SessionNews[] = [snapshot(0)];
  const text = "x".repeat(20_000);
  for (let n = 0; n < 200; n++) news.push(said(n, `${n} ${text}`));
  for (const one of news) recording.take(one);
  expect(recording.first).toBeGreaterThan(0);
  expect(recording.chunks.length).toBe(CHUNKS_MAX);
  const replayed = replay(recording.chunks);
  expect(replayed[0]?.kind).toBe("snapshot");
  expect(folded(replayed)).toEqual(folded(news));
  for (const chunk of recording.chunks) expect(chunk.events.reduce((sum, one) => sum + one.raw.length, 0)).toBeLessThanOrEqual(CHUNK_BYTES_MAX);
});

test("a session that begins with events begins from nothing", () => {
  const recording = new Recording();
  recording.take(said(0));
  recording.take(said(1));
  expect(folded(replay(recording.chunks))).toEqual(folded([said(0), said(1)]));
});

test("only what has changed is written, and what has gone is removed", () => {
  const recording = new Recording();
  recording.take(snapshot(0));
  recording.take(said(1));
  expect(recording.changes()).toMatchObject({ write: [{ number: 0 }], remove: [] });
  expect(recording.changes()).toEqual({ write: [], remove: [] });
  recording.take(snapshot(50));
  expect(recording.changes()).toMatchObject({ write: [{ number: 1 }], remove: [0] });
  expect(recording.take({ kind: "synced", offset: 1 })).toBe(false);
});

test("another epoch begins from nothing", () => {
  const recording = new Recording();
  recording.take(snapshot(0));
  recording.take(said(1));
  recording.take({ kind: "reset", offset: 0, epoch: new Uint8Array(16) });
  recording.take(said(2));
  expect(folded(replay(recording.chunks))).toEqual(folded([said(2)]));
});

test("one event that is larger than a chunk has its own", () => {
  const recording = new Recording();
  recording.take(said(0));
  recording.take(said(1, "y".repeat(CHUNK_BYTES_MAX)));
  recording.take(said(2));
  expect(recording.chunks.map((chunk) => chunk.events.length)).toEqual([1, 1, 1]);
});

test("what is damaged or of another layout ends the replay, and breaks nothing", () => {
  const recording = new Recording();
  recording.take(snapshot(0));
  recording.take(said(1));
  for (const bad of [null, 7, {}, { base: [], events: {} }, { base: [new Uint8Array([255])], events: [], offset: 0 }]) expect(replay([bad])).toEqual([]);
  expect(replay([...recording.chunks, { nonsense: true }]).length).toBe(2);
  expect(replay([...recording.chunks, { base: [], offset: 3, events: [{ offset: 3, raw: new Uint8Array([255, 255]) }] }]).length).toBe(2);
});
