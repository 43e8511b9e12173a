import { describe, expect, it } from "vitest";
import {
  AskOutcome, CommandOutcomeKind, CommandOutcomeSchema, create, SessionStateSchema, type Command,
} from "@libremote/link/messages";
import { commandName, outcomeName, outcomeWords, queuePosition, refusalWords, stateName, wentWell, whereWords } from "../commands.ts";

const facts = (change: object) => ({ state: 5, outcome: 0, code: 0, layer: 0, reason: "", ...change });
const prompt = { case: "submitPrompt", value: { text: "x" } } as Command["body"];
const cancel = { case: "cancelTurn", value: {} } as Command["body"];

describe("where a command is", () => {
  it("never claims more than is known", () => {
    expect(whereWords(facts({ state: 1 }), { live: false, host: undefined })).toBe("will be sent when connected");
    expect(whereWords(facts({ state: 2 }), { live: true, host: true })).toBe("sent; the relay has not confirmed it yet");
    expect(whereWords(facts({ state: 3 }), { live: true, host: false })).toBe("stored at the relay; the host gets it when it is back");
    expect(whereWords(facts({ state: 3 }), { live: true, host: undefined })).toBe("stored at the relay");
    expect(whereWords(facts({ state: 4 }), { live: true, host: true })).toBe("delivered to the host, no answer yet");
  });
  it("names states and outcomes as the command line does", () => {
    expect([1, 2, 3, 4, 5].map(stateName)).toEqual(["composed", "sent", "stored", "delivered", "done"]);
    expect([1, 2, 3, 4, 5, 6, 77].map(outcomeName)).toEqual(["applied", "rejected", "superseded", "expired", "withdrawn", "unknown",
      "unknown"]);
  });
});

describe("what became of it", () => {
  it("gives the host's reason, who decided, and what to do", () => {
    const words = outcomeWords(prompt, facts({ outcome: CommandOutcomeKind.REJECTED, code: 5002, layer: 2, reason: "watching only" }));
    expect(words).toBe("refused: watching only; decided by the organization's policy");
    expect(outcomeWords(prompt, facts({ outcome: CommandOutcomeKind.REJECTED, code: 5011 }))).toContain("the host's own terminal");
  });
  it("names what is hidden in a reason", () => {
    expect(outcomeWords(prompt, facts({ outcome: CommandOutcomeKind.REJECTED, code: 5010, reason: "a\u202eb" }))).toContain("<U+202E>");
  });
  it("says who was first", () => {
    const full = create(CommandOutcomeSchema, {
      resolution: { outcome: AskOutcome.ANSWERED, answer: { optionId: "once" }, by: { origin: { account: "ann", device: "phone" } } },
    });
    expect(outcomeWords({ case: "answerAsk", value: {} } as Command["body"], facts({ outcome: CommandOutcomeKind.SUPERSEDED }), full))
      .toBe("came too late. Answered by ann on phone: once");
    expect(outcomeWords(cancel, facts({ outcome: CommandOutcomeKind.SUPERSEDED }))).toContain("another one runs");
  });
  it("has words for each outcome", () => {
    for (const outcome of [1, 2, 3, 4, 5, 6]) expect(outcomeWords(prompt, facts({ outcome })).length).toBeGreaterThan(3);
    expect(outcomeWords(cancel, facts({ outcome: CommandOutcomeKind.APPLIED }))).toBe("the agent was asked to stop");
    expect(wentWell(facts({ outcome: CommandOutcomeKind.UNKNOWN }))).toBe(false);
    expect(wentWell(facts({ outcome: CommandOutcomeKind.WITHDRAWN }))).toBe(true);
  });
  it("has a name for each kind of command", () => {
    const cases = ["submitPrompt", "attachmentChunk", "answerAsk", "setMode", "setConfigOption", "setTitle", "cancelTurn",
      "withdrawCommand",
      "queryOutcome", "runSlashCommand", "requestSnapshot", "probe", "endRemote"];
    const names = cases.map((name) => commandName({ case: name, value: {} } as Command["body"]));
    expect(names).not.toContain("Command");
    expect(new Set(names).size).toBe(cases.length);
  });
  it("says why nothing could be sent", () => {
    expect(refusalWords(-10)).toContain("64");
    expect(refusalWords(-2)).toContain("still being read");
  });
});

describe("the queue", () => {
  it("gives the place, from 1", () => {
    const view = create(SessionStateSchema, { queue: [{ promptId: "a" }, { promptId: "b" }] });
    expect(queuePosition(view, "b")).toBe(2);
    expect(queuePosition(view, "c")).toBe(0);
    expect(queuePosition(undefined, "a")).toBe(0);
  });
});
