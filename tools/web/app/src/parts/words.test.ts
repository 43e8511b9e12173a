import { expect, test } from "vitest";
import { ago, bytes, clockTime, count, duration, fullTime, remaining } from "./words.ts";

const S = 1000, M = 60 * S, H = 60 * M, D = 24 * H;

test.each([
  [-5 * S, "0 s"], [0, "0 s"], [999, "0 s"], [59.9 * S, "59 s"], [M, "1 min"], [59 * M + 59 * S, "59 min"], [H, "1 h"], [2 * H + 10 * M, "2 h 10 min"],
  [10 * H + 10 * M, "10 h"], [D - 1, "23 h"], [D, "1 day"], [40 * D, "40 days"],
])("duration %d", (ms, words) => expect(duration(ms)).toBe(words));

test.each([[0, "just now"], [-D, "just now"], [4_999, "just now"], [5 * S, "5 s ago"], [3 * D, "3 days ago"]])("ago %d", (ms, words) =>
  expect(ago(1e12 - ms, 1e12)).toBe(words));

test("long ago has a date, and no time is too strange to be told", () => {
  expect(ago(1e12 - 15 * D, 1e12)).toMatch(/^on .*2001/);
  for (const at of [Number.NaN, Infinity, -Infinity, 2 ** 64]) expect([clockTime(at), fullTime(at)]).toEqual(["?", "?"]);
});

test("amounts", () => {
  expect([remaining(1001, 0), remaining(0, 5)]).toEqual([2, 0]);
  expect([count(1, "session"), count(2, "session"), count(0, "reply", "replies")]).toEqual(["1 session", "2 sessions", "0 replies"]);
  expect([0, 812, 1434, 10 * 1024 * 1024, 1e15].map(bytes)).toEqual(["0 B", "812 B", "1.4 KiB", "10.0 MiB", "931323 GiB"]);
});
