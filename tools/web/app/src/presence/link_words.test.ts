import { expect, test } from "vitest";
import type { ConnectionFacts } from "@libremote/link";
import { create, ProblemSchema, WelcomeSchema, PrincipalSchema } from "@libremote/link/messages";
import { linkWords, SILENT_MS, type LinkContext } from "./link_words.ts";

const NOW = 1_000_000;
const signedIn = create(WelcomeSchema, { principal: create(PrincipalSchema, { account: "owner", device: "phone" }) });
const facts = (change: Partial<ConnectionFacts>): ConnectionFacts =>
  ({ phase: "waiting", since: NOW - 60_000, failures: 0, clockOffset: 0, probing: false, ...change });
const context = (change: Partial<LinkContext> = {}): LinkContext =>
  ({ now: NOW, lastHeard: NOW - 2_000, lostSince: undefined, offline: false, ...change });

test.each([
  ["no module yet", undefined, context(), "loading", "loading the link…"],
  ["the first attempt", facts({ phase: "connecting" }), context({ lastHeard: undefined }), "connecting", "connecting…"],
  ["heard", facts({ phase: "live", welcome: signedIn }), context(), "live", "relay heard 2 s ago"],
  ["a probe is out", facts({ phase: "live", welcome: signedIn, probing: true }), context(), "checking", "checking the connection…"],
  ["nothing heard for long", facts({ phase: "live", welcome: signedIn }), context({ lastHeard: NOW - SILENT_MS - 1 }), "checking", "checking the connection…"],
  ["nothing ever heard", facts({ phase: "live", welcome: signedIn }), context({ lastHeard: undefined }), "checking", "checking the connection…"],
  ["signed in as nobody", facts({ phase: "live", welcome: create(WelcomeSchema) }), context(), "dead", "not signed in"],
  ["cannot be reached", facts({ failures: 2 }), context(), "lost", "not connected: the relay cannot be reached"],
  ["no network", facts({ failures: 2 }), context({ offline: true }), "lost", "offline"],
  ["drained", facts({ problem: create(ProblemSchema, { code: 1001 }) }), context(), "lost", "not connected: the relay is stopping or being restarted"],
  ["silent", facts({ problem: create(ProblemSchema, { code: 1002 }) }), context(), "lost", "not connected: nothing was heard from the relay any more"],
  ["again", facts({ phase: "greeting", failures: 1 }), context({ lostSince: NOW - 9_000 }), "connecting", "connecting again…"],
  ["revoked", facts({ phase: "dead", problem: create(ProblemSchema, { code: 3003 }) }), context(), "dead", "not connected: this device was revoked"],
  ["superseded", facts({ phase: "dead", problem: create(ProblemSchema, { code: 3004 }) }), context(), "dead", "not connected: a newer connection of this page has taken over"],
  ["dead without a word", facts({ phase: "dead" }), context(), "dead", "not connected: the connection has ended"],
  ["closed", facts({ phase: "closed" }), context(), "dead", "this page has ended its connection"],
] as const)("%s", (_name, now, at, state, line) => {
  const words = linkWords(now, at);
  expect([words.state, words.line]).toEqual([state, line]);
});

test("the countdown says 1 until it is over, and never less than 0", () => {
  const at = (ms: number) => linkWords(facts({ nextAttempt: NOW + ms }), context()).countdown;
  expect([at(5_000), at(4_001), at(1), at(0), at(-10)]).toEqual([5, 5, 1, 0, 0]);
  expect(linkWords(facts({ phase: "live", welcome: signedIn, nextAttempt: NOW }), context()).countdown).toBeUndefined();
});

test("what a person must do stands with the problem", () => {
  const action = (code: number) => linkWords(facts({ phase: "dead", problem: create(ProblemSchema, { code }) }), context()).problem?.action;
  expect([3001, 3003, 3004, 3006, 3007, 4001].map(action)).toEqual(["sign-in", "sign-in", "reload", "reload", "none", "reload"]);
});

test("what was found out about the way stands in the place of what was supposed", () => {
  const line = (reach: string) => linkWords(facts({ failures: 3, problem: create(ProblemSchema, { code: 1002 }) }), context({ reach })).line;
  expect(line("something else answers (HTTP 502)")).toBe("not connected: something else answers (HTTP 502)");
  expect(line("")).toBe("not connected: nothing was heard from the relay any more");
});

test("since when, and when it was last heard", () => {
  expect(linkWords(facts({ failures: 1 }), context({ lostSince: NOW - 12_000, lastHeard: NOW - 20_000 })).detail)
    .toBe("not connected for 12 s, last heard 20 s ago");
});
