import { describe, expect, test } from "vitest";
import { checkedFragment, fragmentOf, readMessage, wordsOf } from "./message.ts";

const session = "1".repeat(32);
const ask = "2".repeat(32);

describe("what is pushed", () => {
  test("is taken when it is the relay's", () => {
    const message = readMessage(JSON.stringify({ event: "ask", tag: `ask-${ask}`, session, ask, at: 5 }));
    expect(message).toEqual({ event: "ask", tag: `ask-${ask}`, session, ask, at: 5 });
    expect(fragmentOf(message)).toBe(`#/s/${session}/ask/${ask}`);
  });

  test("is news of no more than that, whatever else it is", () => {
    const hostile = ["", "no", "null", "[]", "7", '"ask"', "{}", '{"event":"ask"}', '{"event":"else","tag":"a"}', '{"event":"ask","tag":"<b>"}',
      '{"event":{"toString":1},"tag":["a"]}', '{"__proto__":{"event":"ask","tag":"a"}}', `{"event":"ask","tag":"a","title":"${"x".repeat(20_000)}"}`, "[".repeat(9000)];
    for (const text of hostile) {
      expect(readMessage(text)).toEqual({ event: "news", tag: "news" });
      expect(wordsOf(readMessage(text))).toEqual({ title: "Something is new", body: "Open the page to see it." });
    }
  });

  test("of a newer relay leads where it says", () => {
    const message = readMessage(JSON.stringify({ event: "reviewed", tag: "reviewed-1", session, ask, title: "not read" }));
    expect(message).toEqual({ event: "news", tag: `news-${session}`, session });
    expect(fragmentOf(message)).toBe(`#/s/${session}`);
  });

  test("breaks no line of a lock screen and turns nothing around", () => {
    const message = readMessage(JSON.stringify({ event: "ask", tag: "ask-1", title: "a\nb\u202egpj.exe\u0000", text: "\u2066\n" }));
    expect(message.title).toBe("a b gpj.exe");
    expect(message.text).toBeUndefined();
  });

  test("leads nowhere else by its notification", () => {
    for (const place of [undefined, 7, "", "//evil.example", "#/s/1", `#/s/${session}/ask/x`, "https://evil.example/#/"]) expect(checkedFragment(place)).toBe("#/");
    for (const place of ["#/", `#/s/${session}`, `#/s/${session}/ask/${ask}`]) expect(checkedFragment(place)).toBe(place);
  });

  test("does not lead elsewhere, and does not grow", () => {
    const message = readMessage(JSON.stringify({ event: "ask", tag: "ask-1", session: "//evil.example", ask: 7, title: "x".repeat(3000) }));
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
