import { describe, expect, it } from "vitest";
import { create, AskOptionKind, AskSchema, FormFieldType, type Ask } from "@libremote/link/messages";
import { answerProblem, canDecline, takesNothing, withWritten } from "../answers.ts";
import { kindFacts, offered, onceOption, rejection } from "../options.ts";
import { keyAnswer, shownNumber } from "../keys.ts";

const K = AskOptionKind;
const options = [
  { optionId: "always", label: "Always", kind: K.ALLOW_ALWAYS }, { optionId: "never", label: "Never", kind: K.REJECT_ALWAYS },
  { optionId: "no", label: "No", kind: K.REJECT_ONCE }, { optionId: "once", label: "Once", kind: K.ALLOW_ONCE },
];
type Init = NonNullable<Parameters<typeof create<typeof AskSchema>>[1]>;
const ask = (kind: Init["kind"], list: typeof options = options): Ask => create(AskSchema, { kind, options: list } as Init);
const permission = ask({ case: "permission", value: {} });
const question = ask({ case: "question", value: { freeText: true } });
const several = ask({ case: "question", value: { multiple: true } });
const form = ask({ case: "form", value: {} }, []);
const url = ask({ case: "openUrl", value: {} }, []);
const limit = ask({ case: "limit", value: { freeText: true } });
const unknown = ask(undefined);

describe("answers, as the host judges them", () => {
  it("takes an offered option where one is needed", () => {
    for (const it of [permission, ask({ case: "plan", value: {} }), unknown]) {
      expect(answerProblem(it, { optionId: "once" })).toBeUndefined();
      expect(answerProblem(it, {})).toBeDefined();
      expect(answerProblem(it, { optionId: "else" })).toBeDefined();
      expect(answerProblem(it, { optionId: "once", text: "words" })).toBeDefined();
      expect(answerProblem(it, { declined: true })).toBeDefined();
      expect(answerProblem(it, { optionId: "once", json: "{}" })).toBeDefined();
    }
  });
  it("takes words, options or both for questions and limits", () => {
    for (const it of [question, limit]) {
      expect(answerProblem(it, { text: "words" })).toBeUndefined();
      expect(answerProblem(it, { optionId: "no", text: "words" })).toBeUndefined();
      expect(answerProblem(it, {})).toBeDefined();
    }
    expect(answerProblem(several, { text: "words" })).toBeDefined();
    expect(answerProblem(question, { declined: true })).toBeUndefined();
    expect(answerProblem(question, { declined: true, text: "words" })).toBeDefined();
    expect(answerProblem(limit, { declined: true })).toBeDefined();
  });
  it("takes several where several may be chosen, none twice", () => {
    expect(answerProblem(several, { optionId: "no", moreOptionIds: ["once"] })).toBeUndefined();
    expect(answerProblem(several, { optionId: "no", moreOptionIds: ["no"] })).toBeDefined();
    expect(answerProblem(several, { moreOptionIds: ["no"] })).toBeDefined();
    expect(answerProblem(question, { optionId: "no", moreOptionIds: ["once"] })).toBeDefined();
  });
  it("takes an object or declining for forms", () => {
    expect(answerProblem(form, { json: "{}" })).toBeUndefined();
    expect(answerProblem(form, {})).toBeDefined();
    expect(answerProblem(form, { declined: true, comment: "no" })).toBeUndefined();
    expect(answerProblem(form, { declined: true, json: "{}" })).toBeDefined();
  });
  it("go with what was written on the card, however they were given", () => {
    const written = { comment: " not on a Friday ", words: " blue, if there is any " };
    expect(withWritten(permission, keyAnswer(permission, "n")!, written)).toEqual({ optionId: "no", comment: "not on a Friday" });
    expect(withWritten(question, keyAnswer(question, "1")!, written)).toEqual({ optionId: "always", comment: "not on a Friday",
      text: "blue, if there is any" });
    expect(withWritten(question, { declined: true }, written)).toEqual({ declined: true, comment: "not on a Friday" });
    for (const given of [keyAnswer(permission, "n")!, keyAnswer(question, "1")!])
      expect(answerProblem(question, withWritten(question, given, written))).toBeUndefined();
  });
  it("takes nothing for a page that was opened", () => {
    expect(takesNothing(url)).toBe(true);
    expect(answerProblem(url, {})).toBeUndefined();
    expect(answerProblem(url, { declined: true })).toBeUndefined();
    expect(canDecline(url)).toBe(true);
  });
  it("bounds what is sent", () => {
    expect(answerProblem(question, { text: "x".repeat(16384) })).toBeUndefined();
    expect(answerProblem(question, { text: "ä".repeat(8193) })).toBeDefined();
    expect(answerProblem(permission, { optionId: "once", comment: "x".repeat(4097) })).toBeDefined();
    expect(answerProblem(form, { json: `"${"x".repeat(32767)}"` })).toBeDefined();
  });
});

describe("options, by kind and never by place", () => {
  it("finds yes and no once", () => {
    expect(onceOption(permission, true)?.optionId).toBe("once");
    expect(onceOption(permission, false)?.optionId).toBe("no");
    expect(rejection(permission)?.optionId).toBe("no");
    expect(rejection(ask({ case: "permission", value: {} }, options.slice(0, 2)))?.optionId).toBe("never");
  });
  it("says none when two say yes once", () => {
    const two = ask({ case: "permission", value: {} }, [...options, { optionId: "b", label: "B", kind: K.ALLOW_ONCE }]);
    expect(onceOption(two, true)).toBeUndefined();
  });
  it("offers nothing that lasts where policy allows one-time answers only", () => {
    const once = ask({ case: "permission", value: { oneTimeOnly: true } });
    expect(offered(once).map((o) => o.optionId)).toEqual(["no", "once"]);
    expect(answerProblem(once, { optionId: "always" })).toBeDefined();
  });
  it("treats a kind of a later version as neither yes nor no", () => {
    expect(kindFacts(99 as AskOptionKind)).toMatchObject({ tone: "other", once: false, lasting: false });
  });
});

describe("keys", () => {
  it("answers y and n once", () => {
    expect(keyAnswer(permission, "y")).toEqual({ optionId: "once" });
    expect(keyAnswer(permission, "n")).toEqual({ optionId: "no" });
    expect(keyAnswer(permission, "x")).toBeUndefined();
  });
  it("takes numbers in the agent's order, but gives nothing lasting by one key", () => {
    expect(keyAnswer(permission, "4")).toEqual({ optionId: "once" });
    expect(keyAnswer(permission, "1")).toBeUndefined();
    expect(keyAnswer(permission, "9")).toBeUndefined();
    expect(keyAnswer(question, "1")).toEqual({ optionId: "always" });
    expect(keyAnswer(several, "1")).toBeUndefined();
  });
  it("takes the numbers of a form that is one choice", () => {
    const choice = (count: number) => ask({ case: "form", value: { text: "?", fields: [{ name: "a", type: FormFieldType.CHOICE,
      choices: Array.from({ length: count }, (_, at) => ({ value: `v${at + 1}` })) }] } });
    expect(keyAnswer(choice(9), "2")).toEqual({ json: '{"a":"v2"}' });
    expect(keyAnswer(choice(9), "n")).toBeUndefined();
    expect(keyAnswer(choice(12), "1")).toBeUndefined(); // of 12?
    expect(shownNumber(choice(9), 8, true)).toBe(9);
    expect(shownNumber(choice(12), 0, true)).toBeUndefined();
  });
  it("shows only numbers that answer", () => {
    expect(options.map((_, at) => shownNumber(permission, at, true))).toEqual([undefined, undefined, 3, 4]);
    expect(shownNumber(permission, 3, false)).toBeUndefined();
    expect(shownNumber(several, 0, true)).toBeUndefined();
  });
  it("leaves letters alone where words are taken, and forms", () => {
    expect(keyAnswer(question, "y")).toBeUndefined();
    expect(keyAnswer(form, "n")).toBeUndefined();
    expect(keyAnswer(url, "n")).toEqual({ declined: true });
  });
});
