import { expect, test } from "vitest";
import { foldNews, View, type SessionNews } from "@libremote/link";
import { create, EventSchema, SessionStateSchema, toBinary, UserMessageSchema } from "@libremote/link/messages";
import { CHUNK_BYTES_MAX, CHUNKS_MAX, Recording, replay, type Chunk } from "./recording.ts";

const said = (n: number, text = `message ${n}`): SessionNews => {
  const event = create(EventSchema, { atMs: BigInt(n), body: { case: "userMessage", value: create(UserMessageSchema, { messageId: `m${n}`, text }) } });
  return { kind: "event", offset: n, event, raw: toBinary(EventSchema, event) };
};
const snapshot = (offset: number): SessionNews => ({ kind: "snapshot", offset, state: create(SessionStateSchema, { title: "from a snapshot" }) });

/** A recording as a session's model uses it, and what a database would hold of it. */
class Recorded {
  readonly view = new View();
  readonly recording = new Recording(() => this.view.snapshot());
  readonly kept = new Map<number, Chunk>();
  take(...all: SessionNews[]): this {
    for (const news of all) {
      this.recording.take(news);
      foldNews(this.view, news);
    }
    return this;
  }
  write(): Chunk[] {
    const { write, remove } = this.recording.changes();
    for (const number of remove) this.kept.delete(number);
    for (const { number, chunk } of write) this.kept.set(number, chunk);
    return [...this.kept].sort(([a], [b]) => a - b).map(([, chunk]) => chunk);
  }
}

function folded(news: readonly SessionNews[]) {
  const view = new View();
  for (const one of news) {
    if (one.kind === "snapshot") view.restore(one.state);
    else if (one.kind === "event") view.apply(one.event);
  }
  return toBinary(SessionStateSchema, view.state);
}

test("what is replayed folds to what was told, also when the beginning has gone", () => {
  const news: SessionNews[] = [snapshot(0)];
  const text = "x".repeat(20_000);
  for (let n = 0; n < 200; n++) news.push(said(n, `${n} ${text}`));
  const recorded = new Recorded();
  news.forEach((one, index) => {
    recorded.take(one);
    if (index % 7 === 0) recorded.write();
  });
  const chunks = recorded.write();
  expect(recorded.recording.first).toBeGreaterThan(0);
  expect(chunks.length).toBe(CHUNKS_MAX);
  const replayed = replay(chunks);
  expect(replayed[0]?.kind).toBe("snapshot");
  expect(folded(replayed)).toEqual(folded(news));
  for (const chunk of chunks) expect(chunk.bytes.length).toBeLessThanOrEqual(CHUNK_BYTES_MAX);
});

test("a session that begins with events begins from nothing", () => {
  expect(folded(replay(new Recorded().take(said(0), said(1)).write()))).toEqual(folded([said(0), said(1)]));
});

test("a session in which nothing happens is kept as it is", () => {
  expect(folded(replay(new Recorded().take(snapshot(7)).write()))).toEqual(folded([snapshot(7)]));
});

test("only what has changed is written, and what has gone is removed", () => {
  const recorded = new Recorded().take(snapshot(0), said(1));
  expect(recorded.recording.changes()).toMatchObject({ write: [{ number: 0 }], remove: [] });
  expect(recorded.recording.changes()).toEqual({ write: [], remove: [] });
  recorded.take(snapshot(50));
  expect(recorded.recording.changes()).toMatchObject({ write: [{ number: 1 }], remove: [0] });
  expect(recorded.recording.take({ kind: "synced", offset: 1 })).toBe(false);
});

test("another epoch begins from nothing", () => {
  const chunks = new Recorded().take(snapshot(0), said(1), { kind: "reset", offset: 0, epoch: new Uint8Array(16) }, said(2)).write();
  expect(folded(replay(chunks))).toEqual(folded([said(2)]));
});

test("one event that is larger than a chunk has its own", () => {
  const chunks = new Recorded().take(said(0), said(1, "y".repeat(CHUNK_BYTES_MAX)), said(2)).write();
  expect(chunks.map((chunk) => [...chunk.offsets])).toEqual([[0], [1], [2]]);
});

test("what is damaged or of another layout ends the replay, and breaks nothing", () => {
  const chunks = new Recorded().take(snapshot(0), said(1)).write();
  for (const bad of [null, 7, {}, { ...chunks[0], offsets: [1] }, { ...chunks[0], base: [new Uint8Array([255])] }]) expect(replay([bad])).toEqual([]);
  expect(replay([...chunks, { nonsense: true }]).length).toBe(2);
  expect(replay([...chunks, { ...chunks[0], bytes: new Uint8Array([255, 255]), ends: new Uint32Array([2]) }]).length).toBe(2);
});
