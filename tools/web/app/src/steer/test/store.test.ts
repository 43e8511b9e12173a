import { beforeEach, describe, expect, it, vi } from "vitest";
import { signal } from "@preact/signals";
import { hex, LinkError, unhex, type CommandFacts, type SessionNews } from "@libremote/link";
import {
  AskOptionKind, AskOutcome, AskResolvedSchema, AskSchema, Ceiling, create, EventSchema, Layer, LogStatusSchema, RemoteMode,
    SessionStateSchema,
  type Ask, type AskResolved, type Command, type LogStatus, type SessionState,
} from "@libremote/link/messages";
import type { SentCommand, SessionModel } from "../../state/session.ts";
import { steering, type SteerStore } from "../store.ts";

// the page's own connection and its toasts need a browser
vi.mock("../../state/link.ts", () => ({ facts: { value: undefined } }));
vi.mock("../../parts/index.ts", () => ({ toast: () => {} }));

const id = (n: number) => Uint8Array.from({ length: 16 }, () => n);
const ask = (n: number): Ask => create(AskSchema, {
  askId: id(n), kind: { case: "permission", value: { command: `c${n}` } },
  options: [{ optionId: "yes", label: "Yes", kind: AskOptionKind.ALLOW_ONCE }, { optionId: "no", label: "No",
    kind: AskOptionKind.REJECT_ONCE }],
});

/** What of a model is used. */
class Fake {
  id = "00".repeat(16);
  view = signal<SessionState | undefined>(undefined);
  status = signal<LogStatus | undefined>(undefined);
  commands = signal<readonly SentCommand[]>([]);
  keptAt = signal<number | undefined>(undefined);
  session = { connection: { probe: () => {} } };
  listeners: ((news: SessionNews) => void)[] = [];
  sent: Command["body"][] = [];
  refuse = 0;
  onNews(listener: (news: SessionNews) => void) {
    this.listeners.push(listener);
    return () => {};
  }
  submit(body: Command["body"]): string {
    if (this.refuse !== 0) throw new LinkError("submit", this.refuse);
    this.sent.push(body);
    const given = hex(id(100 + this.sent.length));
    this.commands.value = [...this.commands.value, { id: given, body, at: 0, facts: { state: 1, outcome: 0, code: 0, layer: 0,
      reason: "" } }];
    return given;
  }
  asks(...list: Ask[]) {
    this.view.value = create(SessionStateSchema, { asks: list, remoteMode: RemoteMode.CONTROL });
  }
  event(body: object) {
    for (const listener of this.listeners) listener({ kind: "event", offset: 0, event: create(EventSchema, { body } as never),
      raw: new Uint8Array() });
  }
  resolved(n: number, change: Partial<AskResolved> = {}) {
    this.event({ case: "askResolved", value: create(AskResolvedSchema, { askId: id(n), outcome: AskOutcome.ANSWERED,
      answer: { optionId: "yes" }, ...change } as never) });
  }
  facts(commandId: string, facts: Partial<CommandFacts>) {
    this.commands.value = this.commands.value.map((c) => (c.id === commandId ? { ...c, facts: { ...c.facts, ...facts } } : c));
  }
}

let fake: Fake;
let store: SteerStore;
beforeEach(() => {
  fake = new Fake();
  store = steering(fake as unknown as SessionModel);
});
const shown = () => store.entries.value.map((e) => [hex(e.id.length > 0 ? unhex(e.id).subarray(0, 1) : new Uint8Array()), e.open]);

describe("open asks", () => {
  it("keep their order, the oldest unfolded, and new ones go behind", () => {
    fake.asks(ask(1));
    fake.asks(ask(1), ask(2));
    expect(store.open.value.map((e) => e.id)).toEqual([hex(id(1)), hex(id(2))]);
    expect(store.current.value).toBe(hex(id(1)));
    store.chosen.value = hex(id(2));
    expect(store.current.value).toBe(hex(id(2)));
    fake.asks(ask(1), ask(2), ask(3));
    expect(store.current.value).toBe(hex(id(2)));
  });
  it("end with their resolution, before the view is folded anew", () => {
    fake.asks(ask(1), ask(2));
    fake.resolved(1);
    expect(store.entries.value[0]).toMatchObject({ open: false, resolved: { outcome: AskOutcome.ANSWERED } });
    fake.asks(ask(2));
    expect(shown()).toEqual([["01", false], ["02", true]]);
    expect(store.current.value).toBe(hex(id(2)));
  });
  it("end without a word when their end was not seen, and take one that comes late", () => {
    fake.asks(ask(1));
    fake.asks();
    expect(store.entries.value[0]).toMatchObject({ open: false });
    expect(store.entries.value[0]!.resolved).toBeUndefined();
    fake.resolved(1);
    expect(store.entries.value[0]!.resolved).toBeDefined();
  });
  it("leave a line until the next one opens, and are told once though it has gone", () => {
    fake.asks(ask(1), ask(2));
    fake.resolved(1);
    fake.asks(ask(2));
    expect(shown()).toEqual([["01", false], ["02", true]]);
    fake.asks(ask(2), ask(3));
    expect(shown()).toEqual([["02", true], ["03", true]]);
    expect(store.ended.value.map((e) => e.id)).toEqual([hex(id(1))]);
    fake.resolved(2);
    fake.asks(ask(3), ask(4)); // the end of one and the beginning of another in one turn
    expect(store.ended.value.map((e) => e.id)).toEqual([hex(id(1)), hex(id(2))]);
  });
  it("keep what is being written on their cards, until another epoch", () => {
    fake.asks(ask(1), ask(2));
    store.written(hex(id(1))).set("comment", "not on a Friday");
    store.chosen.value = hex(id(2));
    expect(store.written(hex(id(1))).get("comment")).toBe("not on a Friday");
    expect(store.written(hex(id(2))).size).toBe(0);
    for (const listener of fake.listeners) listener({ kind: "reset", offset: 0, epoch: id(9) });
    expect(store.written(hex(id(1))).size).toBe(0);
  });
  it("do not come back when an older view still has them", () => {
    fake.resolved(1);
    fake.asks(ask(1));
    expect(store.entries.value).toEqual([]);
  });
  it("are forgotten with another epoch", () => {
    fake.asks(ask(1));
    fake.view.value = undefined;
    for (const listener of fake.listeners) listener({ kind: "reset", offset: 0, epoch: id(9) });
    expect(store.entries.value).toEqual([]);
  });
});

describe("answering", () => {
  it("gives one answer a card while it may still count", () => {
    fake.asks(ask(1));
    const [entry] = store.entries.value;
    expect(store.answer(entry!, { optionId: "yes" })).toBe(true);
    expect(store.answer(entry!, { optionId: "no" })).toBe(false);
    expect(fake.sent.length).toBe(1);
    const command = store.pendingAnswer(entry!.id)!;
    fake.facts(command.id, { state: 5, outcome: 2, code: 5008 });
    expect(store.pendingAnswer(entry!.id)).toBeUndefined();
    expect(store.answer(entry!, { optionId: "no" })).toBe(true); // a refused one leaves it open
  });
  it("knows whose answer counted", () => {
    fake.asks(ask(1), ask(2));
    const [first, second] = store.entries.value;
    store.answer(first!, { optionId: "yes" });
    store.answer(second!, { optionId: "yes" });
    fake.resolved(1, { commandId: id(101) });
    fake.resolved(2, { commandId: id(55) });
    const [one, two] = store.ended.value;
    expect([store.mine(one!), store.lost(one!), store.mine(two!), store.lost(two!)]).toEqual([true, false, false, true]);
    expect(store.entries.value.some((entry) => store.lost(entry))).toBe(true); // it stays, whatever ends after it
  });
  it("does not send what the host would refuse", () => {
    fake.asks(ask(1));
    expect(store.answer(store.entries.value[0]!, { text: "words" })).toBe(false);
    expect(store.answer(store.entries.value[0]!, { optionId: "other" })).toBe(false);
    expect(fake.sent.length).toBe(0);
  });
  it("says so when nothing can be put into the outbox", () => {
    fake.asks(ask(1));
    fake.refuse = -10;
    expect(store.answer(store.entries.value[0]!, { optionId: "yes" })).toBe(false);
    expect(store.pendingAnswer(store.entries.value[0]!.id)).toBeUndefined();
  });
  it("sends nothing while watching only, and names who decided", () => {
    fake.asks(ask(1));
    fake.status.value = create(LogStatusSchema, { ceiling: Ceiling.VIEW, ceilingLayer: Layer.ORGANIZATION });
    expect(store.viewOnly.value).toContain("the organization's policy");
    expect(store.answer(store.entries.value[0]!, { optionId: "yes" })).toBe(false);
    fake.status.value = undefined;
    fake.view.value = create(SessionStateSchema, { remoteMode: RemoteMode.VIEW });
    expect(store.viewOnly.value).toContain("shared for viewing");
    fake.view.value = create(SessionStateSchema, { ended: true });
    expect(store.viewOnly.value).toContain("ended");
  });
});

describe("taking back", () => {
  const target = hex(id(7));
  it("gives the text back once, when it worked", () => {
    store.takeBack(target, "text");
    store.takeBack(target, "text");
    expect(fake.sent.length).toBe(1);
    expect(store.comeBack.value).toBeUndefined();
    fake.facts(hex(id(101)), { state: 5, outcome: 1 });
    expect(store.comeBack.value?.text).toBe("text");
    const { serial } = store.comeBack.value!;
    fake.facts(hex(id(101)), { state: 5, outcome: 1 });
    expect(store.comeBack.value!.serial).toBe(serial);
    expect(store.taking.value.size).toBe(0);
  });
  it("leaves it alone when the agent has it already", () => {
    store.takeBack(target, "text");
    fake.facts(hex(id(101)), { state: 5, outcome: 2, code: 5012 });
    expect(store.comeBack.value).toBeUndefined();
    expect(store.taking.value.size).toBe(0);
  });
});
