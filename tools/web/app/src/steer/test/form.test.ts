import { describe, expect, it } from "vitest";
import { create, FormAskSchema, FormFieldSchema, FormFieldType, type FormField } from "@libremote/link/messages";
import { answerInWords, asOptions, check, content, fieldShape, initial, rulesOf, ruleWords, type Raw } from "../form.ts";

const T = FormFieldType;
const field = (type: FormFieldType, schema: object = {}, more: Partial<FormField> = {}): FormField =>
  create(FormFieldSchema, { name: "f", type, schema: { text: JSON.stringify(schema) }, ...more } as never);
const choices = ["a", "b", "c"].map((value) => ({ value, label: value.toUpperCase() })) as never;
const problem = (f: FormField, raw: Raw) => check(f, raw).problem;
const json = (f: FormField, raw: Raw) => check(f, raw).json;

describe("fields", () => {
  it("counts characters, not bytes or code units", () => {
    const f = field(T.STRING, { minLength: 2, maxLength: 3 });
    expect(json(f, "👍👍👍")).toBe('"👍👍👍"');
    expect(problem(f, "a")).toBe("at least 2 characters");
    expect(problem(f, "👍👍👍👍")).toBe("at most 3 characters");
  });
  it("knows the formats that the host knows", () => {
    const good: Record<string, string[]> = {
      email: ["a@b"], uri: ["https://example.org", "mailto:x"], date: ["2026-01-31"],
      "date-time": ["2026-01-31T10:00:00Z", "2026-01-31 10:00:00.25+02:00", "2026-01-31t10:00:00z"],
    };
    const bad: Record<string, string[]> = {
      email: ["a", "@b", "a@", "a@b@c", "a b@c"], uri: ["example", ":x", "a b:c", "http:"],
      date: ["2026-13-01", "2026-00-10", "2026-01-32", "2026-1-1", "2026-01-31x"],
      "date-time": ["2026-01-31", "2026-01-31T10:00Z", "2026-01-31T10:00:00", "2026-01-31T10:00:00+2"],
    };
    for (const [format, list] of Object.entries(good)) for (const text of list) expect([text, problem(field(T.STRING, { format }),
      text)]).toEqual([text, undefined]);
    for (const [format, list] of Object.entries(bad)) for (const text of list) expect([text, problem(field(T.STRING, { format }),
      text)]).not.toEqual([text, undefined]);
    expect(problem(field(T.STRING, { format: "hostname" }), "whatever")).toBeUndefined();
  });
  it("sends numbers as they were typed", () => {
    expect(json(field(T.INTEGER), " 9007199254740993 ")).toBe("9007199254740993");
    expect(json(field(T.NUMBER), "1.50")).toBe("1.50");
    expect(json(field(T.INTEGER), "3.0")).toBe("3.0"); // a whole number to JSON Schema, and to the host
  });
  it("refuses what is no number, or beyond what all parsers share", () => {
    for (const text of ["1,5", "0x10", "1.", ".5", "+1", "01", "one", "NaN", "1e999", "9".repeat(40), "1." + "0".repeat(40)]) expect([text,
      problem(field(T.NUMBER), text)]).not.toEqual([text, undefined]);
    expect(problem(field(T.INTEGER), "1.5")).toBe("must be a whole number");
    expect(problem(field(T.INTEGER), "9223372036854775808")).toBeDefined();
    expect(problem(field(T.INTEGER), "-9223372036854775808")).toBeUndefined();
  });
  it("holds bounds", () => {
    const f = field(T.NUMBER, { minimum: 0, maximum: 1 });
    expect(problem(f, "-0.1")).toBe("at least 0");
    expect(problem(f, "1.1")).toBe("at most 1");
    expect(problem(f, "1")).toBeUndefined();
    const several = field(T.MULTIPLE, { minItems: 1, maxItems: 2 }, { choices });
    expect(json(several, ["a", "b"])).toBe('["a","b"]');
    expect(problem(several, ["a", "b", "c"])).toBe("at most 2 of them");
    expect(problem(field(T.MULTIPLE, { minItems: 2 }, { choices }), ["a"])).toBe("at least 2 of them");
  });
  it("leaves out what may be empty, and asks for what must be given", () => {
    for (const type of [T.STRING, T.NUMBER, T.INTEGER, T.BOOLEAN, T.CHOICE, T.MULTIPLE]) {
      const empty: Raw = type === T.MULTIPLE ? [] : type === T.BOOLEAN || type === T.CHOICE ? undefined : "";
      expect(check(field(type, {}, { choices }), empty)).toEqual({});
      expect(check(field(type, {}, { choices, required: true }), empty)).toEqual({ problem: "must be given" });
      // the host takes the default of what is required and left empty
      expect(check(field(type, {}, { choices, required: true, defaultJson: '"a"' }), empty)).toEqual({});
    }
  });
  it("takes choices that are offered only", () => {
    expect(json(field(T.CHOICE, {}, { choices }), "a")).toBe('"a"');
    expect(problem(field(T.CHOICE, {}, { choices }), "z")).toBeDefined();
    expect(problem(field(T.MULTIPLE, {}, { choices }), ["z"])).toBeDefined();
    expect(fieldShape(field(T.CHOICE))).toBe("text");
    expect(fieldShape(field(T.MULTIPLE))).toBe("list");
    expect(json(field(T.MULTIPLE), ["x", "", "y"])).toBe('["x","y"]');
  });
  it("begins with defaults that fit", () => {
    expect(initial(field(T.INTEGER, {}, { defaultJson: "9007199254740993" }))).toBe("9007199254740993");
    expect(initial(field(T.BOOLEAN, {}, { defaultJson: "false" }))).toBe(false);
    expect(initial(field(T.BOOLEAN, {}, { defaultJson: '"x"' }))).toBeUndefined();
    expect(initial(field(T.CHOICE, {}, { choices, defaultJson: '"z"' }))).toBeUndefined();
    expect(initial(field(T.MULTIPLE, {}, { choices, defaultJson: '["a",1]' }))).toEqual(["a"]);
    expect(initial(field(T.STRING, {}, { defaultJson: "{" }))).toBe("");
  });
  it("does without rules that are cut or hostile", () => {
    const broken = create(FormFieldSchema, { name: "f", type: T.STRING, schema: { text: '{"minLength":' } });
    expect(rulesOf(broken)).toEqual({});
    expect(rulesOf(field(T.STRING, { minLength: "x", maxLength: 1.5, minimum: null, format: 3 }))).toEqual({});
    expect(rulesOf(create(FormFieldSchema, { schema: { text: "[1]" } }))).toEqual({});
  });
  it("treats types of later versions as text", () => {
    expect(fieldShape(field(99 as FormFieldType))).toBe("text");
  });
  it("says what a field takes", () => {
    expect(ruleWords(field(T.INTEGER, { minimum: 1, maximum: 9 }))).toBe("a whole number, 1 to 9, may be empty");
    expect(ruleWords(field(T.STRING, {}, { required: true }))).toBe("");
  });
});

describe("forms", () => {
  const form = create(FormAskSchema, { fields: [field(T.STRING, {},
    { name: 'a"b', required: true }), field(T.INTEGER, {}, { name: "n" }), field(T.BOOLEAN, {}, { name: "y" })] });
  it("makes one object, with names and values quoted", () => {
    const done = content(form, new Map<string, Raw>([['a"b', 'x"\n'], ["n", "9007199254740993"], ["y", false]]));
    expect(done.json).toBe('{"a\\"b":"x\\"\\n","n":9007199254740993,"y":false}');
  });
  it("says what is wrong with which field", () => {
    const done = content(form, new Map<string, Raw>([["n", "x"]]));
    expect(done.json).toBeUndefined();
    expect([...done.problems.keys()]).toEqual(['a"b', "n"]);
  });
  it("turns one choice into options", () => {
    expect(asOptions(create(FormAskSchema, { fields: [field(T.CHOICE, {}, { choices })] }))?.map((o) => o.json)).toEqual(['{"f":"a"}',
      '{"f":"b"}', '{"f":"c"}']);
    expect(asOptions(create(FormAskSchema, { fields: [field(T.BOOLEAN)] }))?.map((o) => o.json)).toEqual(['{"f":true}', '{"f":false}']);
    expect(asOptions(create(FormAskSchema, { fields: [field(T.STRING)] }))).toBeUndefined();
    expect(asOptions(form)).toBeUndefined();
  });
  it("says an answer in words, also one whose form is not known here", () => {
    const one = create(FormAskSchema, { fields: [field(T.CHOICE, {}, { choices })] });
    expect(answerInWords(one, '{"f":"b"}')).toBe("B");
    expect(answerInWords(form, '{"n":7,"y":true}')).toBe("n: 7, y: yes");
    expect(answerInWords(form, '{"n":7,"later":null}')).toBe("n: 7, later: nothing");
    expect(answerInWords(undefined, '{"answer":"green"}')).toBe("answer: green");
    expect(answerInWords(undefined, '{"of":["a","b"],"none":[],"deep":{"x":1}}')).toBe('of: a + b, none: none, deep: {"x":1}');
    expect(answerInWords(undefined, "{}")).toBe("nothing filled in");
    for (const none of ['"green"', "[1]", "null", '{"cut":']) expect(answerInWords(undefined, none)).toBeUndefined();
  });
});
