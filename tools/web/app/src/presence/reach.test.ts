import { expect, test } from "vitest";
import { reachWords } from "./reach.ts";

test.each([
  ["nobody answers", undefined, 0, ""],
  ["a proxy without its relay", { status: 502, json: false }, 0, "something else answers (HTTP 502)"],
  ["a page to sign in to a network", { status: 200, json: false }, 0, "something else answers (HTTP 200)"],
  ["a relay that has too much to do", { status: 429, json: true }, 0, "the relay answers HTTP 429"],
  ["a relay that has just come back", { status: 200, json: true }, 1, ""],
] as const)("%s", (_name, answer, times, words) => expect(reachWords(answer, times)).toBe(words));

test("a relay that answers again and again, though its link does not open", () => {
  expect(reachWords({ status: 200, json: true }, 2)).toContain("no WebSocket gets through");
});
