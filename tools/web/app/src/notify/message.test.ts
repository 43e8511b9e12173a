import { describe, expect, test } from "vitest";
import { fragmentOf, readMessage, wordsOf } from "./message.ts";

const session = "1".repeat(32);
const ask = "2".repeat(32);

describe("what is pushed", () => {
  test("is taken when it is the relay's", () => {
    const message = readMessage(JSON.stringify({ event: "ask", tag: `ask-${ask}`, session, ask, at: 5 }))!;
    expect(message).toEqual({ event: "ask", tag: `ask-${ask}`, session, ask, at: 5 });
    expect(fragmentOf(message)).toBe(`#/s/${session}/ask/${ask}`);
  });

  test("is nothing when it is not", () => {
    for (const text of ["", "no", "null", "[]", "{}", '{"event":"ask"}', '{"event":"else","tag":"a"}', '{"event":"ask","tag":"<b>"}'])
      expect(readMessage(text)).toBeUndefined();
  });

  test("does not lead elsewhere, and does not grow", () => {
    const message = readMessage(JSON.stringify({ event: "ask", tag: "ask-1", session: "//evil.example", ask: 7, title: "x".repeat(5000) }))!;
    expect(fragmentOf(message)).toBe("#/");
    expect(message.title).toHaveLength(300);
  });
});

describe("words", () => {
  test("have no contents unless some were sent", () => {
    expect(wordsOf({ event: "ask", tag: "t", session, ask })).toEqual({ title: "A session needs an answer", body: "Open the page to see it." });
    expect(wordsOf({ event: "ask", tag: "t", title: "fix it", text: "rm -rf / ?" })).toEqual({ title: "fix it", body: "rm -rf / ?" });
    expect(wordsOf({ event: "done", tag: "t", title: "fix it" })).toEqual({ title: "fix it", body: "A session is done" });
  });

  test("count", () => {
    expect(wordsOf({ event: "many", tag: "t", count: 9 }).title).toBe("9 sessions need answers");
    expect(wordsOf({ event: "many", tag: "t", count: 1 }).title).toBe("A session needs answers");
  });
});
