import { expect, test } from "vitest";
import { AttachedDeviceSchema, Ceiling, create, Layer, LogStatusSchema, RemoteMode, Role } from "@libremote/link/messages";
import { attachedDevices, hostWords, moreAttached, viewOnly, watching, watchingWords } from "./host_words.ts";

const NOW = 10_000_000;
const status = (change: object) => create(LogStatusSchema, { nowMs: BigInt(NOW - 1_000), hostSinceMs: BigInt(NOW - 120_000), hostHeardMs: BigInt(NOW - 3_000), ...change });
const { CONTROL, OFF, VIEW } = RemoteMode;

test.each([
  ["nothing known", undefined, CONTROL, false, "unknown", ""],
  ["there", status({ hostAttached: true }), CONTROL, false, "attached", "host connected 2 min"],
  ["away", status({}), CONTROL, false, "away", "host away 2 min"],
  ["remote control was switched off", status({}), OFF, false, "off", "remote off 2 min"],
  ["never there", status({ hostSinceMs: 0n }), CONTROL, false, "away", "host not connected"],
] as const)("%s", (_name, now, mode, stale, state, line) => {
  const words = hostWords(now, mode, NOW, stale);
  expect([words.state, words.line]).toEqual([state, line]);
});

test("without a connection nobody claims that the host is there", () => {
  const words = hostWords(status({ hostAttached: true }), CONTROL, NOW, true);
  expect(words.state).toBe("unknown");
  expect(words.line).toContain("not known since");
});

test("a session that has ended waits for no host", () => {
  expect(hostWords(status({}), CONTROL, NOW, false, true)).toEqual({ state: "unknown", line: "", detail: "has gone: the session has ended" });
  expect(hostWords(status({ hostAttached: true }), CONTROL, NOW, false, true).line).toBe("host connected 2 min");
});

test("the host is away: what is sent is stored", () => {
  expect(hostWords(status({}), CONTROL, NOW, false).detail)
    .toBe("the host is not connected (last heard just now); what you send is stored and delivered when it is back");
});

test("who else is there", () => {
  const device = (name: string, role: Role, id: number) =>
    create(AttachedDeviceSchema, { name, role, sinceMs: 5n, deviceId: new Uint8Array(16).fill(id) });
  const there = status({ attached: [device("vm", Role.HOST, 1), device("phone", Role.CLIENT, 2), device("", Role.CLIENT, 3)], attachedTotal: 12 });
  expect(watching(there)).toBe(11);
  expect([0, 1, 2].map(watchingWords)).toEqual(["", "", "2 watching"]);
  expect(attachedDevices(there, new Uint8Array(16).fill(2)).map((one) => [one.name, one.host, one.here]))
    .toEqual([["vm", true, false], ["phone", false, true], ["a device without a name", false, false]]);
  expect(moreAttached(there)).toBe("and 9 more devices");
});

test("only watching, and why", () => {
  expect(viewOnly(status({ ceiling: Ceiling.CONTROL }), CONTROL, false)).toBeUndefined();
  expect(viewOnly(status({ ceiling: Ceiling.VIEW, ceilingLayer: Layer.ORGANIZATION }), CONTROL, false))
    .toBe("organization policy allows this account to view, not to steer");
  expect(viewOnly(status({ ceiling: Ceiling.VIEW }), CONTROL, false)).toBe("policy allows this account to view, not to steer");
  expect(viewOnly(status({ ceiling: Ceiling.CONTROL }), VIEW, false)).toContain("/remote on");
  expect(viewOnly(status({ ceiling: Ceiling.VIEW }), VIEW, true)).toBeUndefined();
});
