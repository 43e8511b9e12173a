import { beforeEach, expect, test } from "vitest";
import { clearKeys, keepAccount } from "./keys.ts";
import { readDraft, writeDraft } from "./drafts.ts";
import { endModel, forget, hold, journal, mayLeave, newModel, orphans, readEntry, stored } from "./journal.ts";
import { useFakeStorage } from "./storage.testing.ts";

const SESSION = "a".repeat(32);
const id = (n: number) => n.toString(16).padStart(32, "0");
const entry = (n: number, model: string, here = false) => ({ session: SESSION, id: id(n), model, kind: "submitPrompt", text: `prompt ${n}`, command: "AA==", at: n, here });

beforeEach(() => {
  useFakeStorage();
  keepAccount(undefined);
  keepAccount("owner");
});

test("what a living model was given is its own; when it ends, somebody must ask", async () => {
  const model = newModel();
  journal(entry(1, model));
  expect(await orphans(SESSION)).toEqual([]);
  endModel(model);
  expect((await orphans(SESSION)).map((one) => [one.text, one.here])).toEqual([["prompt 1", false]]);
  expect(await orphans("b".repeat(32))).toEqual([]);
  forget(id(1));
  expect(await orphans(SESSION)).toEqual([]);
});

test("what was given without a connection may have left as soon as there is one", async () => {
  const model = newModel(), ended = newModel();
  journal(entry(1, model, true));
  journal(entry(2, ended, true));
  endModel(ended);
  mayLeave();
  expect(readEntry(id(1))?.here).toBe(false);
  expect(readEntry(id(2))?.here).toBe(true); // its link was gone before: it cannot have left
});

test("what is held has no model, and stays here", async () => {
  const held = hold({ session: SESSION, kind: "submitPrompt", text: "later", command: "AA==", at: 5 });
  mayLeave();
  expect((await orphans(SESSION)).map((one) => [one.id, one.here])).toEqual([[held, true]]);
});

test("stored is remembered", () => {
  journal(entry(1, newModel(), true));
  stored(id(1));
  expect(readEntry(id(1))).toMatchObject({ stored: true, here: false });
});

test("of another account nothing is seen, and at sign-out nothing stays", async () => {
  journal(entry(1, "gone"));
  writeDraft(SESSION, "half a thought");
  keepAccount("other");
  expect([await orphans(SESSION), readDraft(SESSION), readEntry(id(1))]).toEqual([[], "", undefined]);
  keepAccount("owner");
  expect([(await orphans(SESSION)).length, readDraft(SESSION)]).toEqual([1, "half a thought"]);
  clearKeys();
  expect([await orphans(SESSION), readDraft(SESSION)]).toEqual([[], ""]);
});

test("it is bounded: entries, and what one may weigh", async () => {
  for (let n = 0; n < 200; n++) journal(entry(n, "gone"));
  expect((await orphans(SESSION)).length).toBeLessThanOrEqual(129);
  journal({ ...entry(900, "gone"), text: "x".repeat(9_000), command: "A".repeat(900_000) });
  expect(readEntry(id(900))).toMatchObject({ text: "x".repeat(200), command: "" });
});

test("a full storage loses the body first, and breaks nothing", () => {
  useFakeStorage(500);
  expect(journal({ ...entry(1, "gone"), command: "A".repeat(1_000) })).toBe(true);
  expect(readEntry(id(1))?.command).toBe("");
  expect(journal({ ...entry(2, "gone"), command: "A".repeat(1_000) })).toBe(false);
});

test("what somebody else wrote there is no entry", async () => {
  journal(entry(1, "gone"));
  const storage = globalThis.localStorage;
  const key = Object.keys(storage).find((name) => name.startsWith("remote.sent"))!;
  for (const text of ["", "{", "null", "7", '{"id":"x"}', '{"id":"../../etc","session":"s"}']) {
    storage.setItem(key, text);
    expect(await orphans(SESSION)).toEqual([]);
  }
});

test("drafts: the oldest go when there are too many, an empty one is none, a giant one is not kept", () => {
  for (let n = 0; n < 40; n++) writeDraft(id(n), `text ${n}`, n);
  expect([readDraft(id(0)), readDraft(id(39))]).toEqual(["", "text 39"]);
  writeDraft(id(39), "");
  writeDraft(id(38), "x".repeat(200_000));
  expect([readDraft(id(39)), readDraft(id(38))]).toEqual(["", "text 38"]);
});
