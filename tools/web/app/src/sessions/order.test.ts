import { expect, test } from "vitest";
import { hex } from "@libremote/link";
import { create, SessionDescriptionSchema, SessionEntrySchema, SessionInfoSchema, Status } from "@libremote/link/messages";
import { countAsks, titleFor } from "../frame/title_words.ts";
import { grouped, inOrderOf, matches } from "./order.ts";

const entry = (n: number, title: string, info: object = {}) => create(SessionEntrySchema, {
  sessionId: new Uint8Array(16).fill(n),
  info: create(SessionInfoSchema, { title, status: Status.IDLE, ...info }),
  description: create(SessionDescriptionSchema, { host: "laptop", cwd: new TextEncoder().encode(`/home/me/${title}`), agent: "demo" }),
});
const titles = (entries: readonly { info?: { title: string } | undefined }[]) => entries.map((one) => one.info?.title);

test("what asks comes first, the rest keeps its order, ended ones stand apart", () => {
  const groups = grouped([entry(1, "a"), entry(2, "b", { asksTotal: 2 }), entry(3, "c", { status: Status.ENDED, asksTotal: 1 }), entry(4, "d", { asksTotal: 1 })]);
  expect([titles(groups.open), titles(groups.ended)]).toEqual([["b", "d", "a"], ["c"]]);
});

test("under a finger rows keep their places, new ones come behind", () => {
  const [a, b, c] = [entry(1, "a"), entry(2, "b"), entry(3, "c")];
  const order = [a, b].map((one) => hex(one.sessionId));
  expect(titles(inOrderOf([c, b, a], order))).toEqual(["a", "b", "c"]);
});

test("the filter takes words of anything that is shown", () => {
  const one = entry(7, "Fix login");
  for (const filter of ["", "fix", "LOGIN fix", "laptop", "home/me", "demo", "0707"]) expect(matches(one, filter), filter).toBe(true);
  expect(matches(one, "fix logout")).toBe(false);
});

test("the title counts open questions of sessions that go on", () => {
  const asks = countAsks([entry(1, "a", { asksTotal: 2 }), entry(2, "b", { asksTotal: 1, status: Status.ENDED }), entry(3, "c")]);
  expect(asks).toBe(2);
  expect(titleFor({ page: "sessions" }, 2, "")).toBe("(2) Sessions");
  expect(titleFor({ page: "session", id: "0".repeat(32) }, 0, "Fix login")).toBe("Fix login");
});
