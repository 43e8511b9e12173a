import { beforeEach, expect, test } from "vitest";
import { unhex, type SessionNews } from "@libremote/link";
import {
  CommandOutcomeKind, CommandOutcomeSchema, create, Delivery, EventSchema, KnownOutcomeSchema, SubmitPromptSchema, type Command, type KnownOutcome,
} from "@libremote/link/messages";
import { encodeBody } from "./body.ts";
import { EarlierCommands, type EarlierState } from "./earlier.ts";
import { stateWords } from "./earlier_words.ts";
import { journal, readEntry } from "./journal.ts";
import { keepAccount } from "./keys.ts";
import { useFakeStorage } from "./storage.testing.ts";

const SESSION = "a".repeat(32);
const id = (n: number) => n.toString(16).padStart(32, "0");
const prompt = (text: string, more: object = {}): Command["body"] => ({ case: "submitPrompt", value: create(SubmitPromptSchema, { text, ...more }) });
const QUERY = "f".repeat(32);

class Host {
  given: Command["body"][] = [];
  asked: string[][] = [];
  known: KnownOutcome[] = [];
  there = true;
  readonly earlier = new EarlierCommands({
    id: SESSION,
    give: (body) => (this.there ? (this.given.push(body), id(0x100 + this.given.length)) : undefined),
    ask: (ids) => (this.there ? (this.asked.push(ids.map((one) => Buffer.from(one).toString("hex"))), QUERY) : undefined),
    outcomes: () => this.known,
  });
  async synced(): Promise<void> {
    this.earlier.take({ kind: "synced", offset: 1 });
    await settled();
  }
  async says(commandId: string, change: object): Promise<void> {
    const outcome = create(CommandOutcomeSchema, { commandId: unhex(commandId), ...change });
    const event = create(EventSchema, { body: { case: "commandOutcome", value: outcome } });
    this.earlier.take({ kind: "event", offset: 2, event, raw: new Uint8Array() } satisfies SessionNews);
    await settled();
  }
  states(): string[] {
    return this.earlier.list.value.map((one) => one.state.at);
  }
}

const settled = async () => {
  for (let n = 0; n < 20; n++) await Promise.resolve();
};
const known = (n: number, change: object) => create(KnownOutcomeSchema, { commandId: unhex(id(n)), ...change });
const keep = (n: number, here: boolean, body = prompt(`prompt ${n}`), stored = false) => {
  journal({ session: SESSION, id: id(n), model: "gone", kind: body.case!, text: `prompt ${n}`, command: encodeBody(body), at: n, here });
  if (stored) localStorage.setItem(`remote.sent::owner:${id(n)}`, localStorage.getItem(`remote.sent::owner:${id(n)}`)!.replace('"stored":false', '"stored":true'));
};

beforeEach(() => {
  useFakeStorage();
  keepAccount(undefined);
  keepAccount("owner");
});

test("what never left is sent once, when the session is there", async () => {
  keep(1, true);
  const host = new Host();
  await host.earlier.look();
  expect([host.states(), host.given]).toEqual([["here"], []]);
  await host.synced();
  await host.synced();
  expect([host.states(), host.given.length, host.asked]).toEqual([[], 1, []]);
  expect(readEntry(id(1))).toBeUndefined();
});

test("what may have left is never sent again by itself: the host is asked", async () => {
  keep(1, false);
  keep(2, false);
  keep(3, false);
  const host = new Host();
  await host.earlier.look();
  await host.synced();
  expect([host.given, host.asked]).toEqual([[], [[id(1), id(2), id(3)]]]);
  await host.says(QUERY, { known: [known(1, { outcome: CommandOutcomeKind.APPLIED }), known(2, { pending: true }), known(3, {})] });
  expect([host.states(), host.given]).toEqual([["done", "pending", "not-known"], []]);
  await host.says(id(2), { outcome: CommandOutcomeKind.REJECTED, code: 5007, reason: "too many wait" });
  expect(host.earlier.list.value[1]?.state).toEqual({ at: "done", outcome: CommandOutcomeKind.REJECTED, code: 5007, reason: "too many wait" });
});

test("only what the host does not know can be sent again, by a person", async () => {
  keep(1, false);
  keep(2, false);
  const host = new Host();
  await host.earlier.look();
  await host.synced();
  expect(host.earlier.sendAgain(id(1))).toBe(false);
  await host.says(QUERY, { known: [known(1, {}), known(2, { outcome: CommandOutcomeKind.APPLIED })] });
  expect([host.earlier.sendAgain(id(2)), host.earlier.sendAgain(id(1)), host.given.length]).toEqual([false, true, 1]);
  expect([host.earlier.sendAgain(id(1)), host.given.length]).toEqual([false, 1]);
});

test("what the session's state still knows is not asked for", async () => {
  keep(1, false);
  const host = new Host();
  host.known = [known(1, { outcome: CommandOutcomeKind.WITHDRAWN })];
  await host.earlier.look();
  await host.synced();
  expect([host.states(), host.asked]).toEqual([["done"], []]);
});

test("a question that was lost with a jump is asked again", async () => {
  keep(1, false);
  const host = new Host();
  await host.earlier.look();
  await host.synced();
  await host.synced();
  expect(host.asked.length).toBe(2);
});

test("what was meant for a moment is not sent later", async () => {
  keep(1, true, { case: "cancelTurn", value: { $typeName: "remote.v1.CancelTurn", turnId: "t" } as never });
  keep(2, true, prompt("now", { delivery: Delivery.STEER }));
  keep(3, true, prompt("with a picture", { attachmentIds: [new Uint8Array(16)] }));
  const host = new Host();
  await host.earlier.look();
  await host.synced();
  expect([host.states(), host.given]).toEqual([["unsent", "unsent", "unsent"], []]);
});

test("while the session is not there nothing is lost", async () => {
  keep(1, true);
  keep(2, false);
  const host = new Host();
  host.there = false;
  await host.earlier.look();
  await host.synced();
  expect(host.states()).toEqual(["here", "asking"]);
  host.there = true;
  await host.synced();
  expect([host.given.length, host.asked.length]).toEqual([1, 1]);
});

test("never more is said than is known", () => {
  const words = (state: EarlierState) => stateWords({ state }).text;
  expect(words({ at: "not-known", stored: true })).toContain("may have been done");
  expect(words({ at: "not-known", stored: false })).toContain("did not get there");
  for (const outcome of [0, 1, 2, 3, 4, 5, 6, 99]) expect(words({ at: "done", outcome, code: 0, reason: "" })).not.toBe("");
});
