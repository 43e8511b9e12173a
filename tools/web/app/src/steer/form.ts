/**
 * Forms: what is typed, brought into the field's type and held against its rules, as the host does it
 * (tools/cli/acp/acp_form_answer.c). `pattern` is not held: it is another dialect, and the agent looks again anyway.
 */
import { FormFieldType, type FormAsk, type FormField } from "@libremote/link/messages";

/** What stands in a field: text, a switch, or the chosen values. undefined: nothing. */
export type Raw = string | boolean | readonly string[] | undefined;

export interface Rules {
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  format?: string;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The rules that the agent said, as far as they are known here and whole. */
export function rulesOf(field: FormField): Rules {
  const rules: Rules = {};
  let schema: unknown;
  try {
    schema = JSON.parse(field.schema?.text || "{}");
  } catch {
    return rules; // cut, or none: the host holds them anyway
  }
  if (!isObject(schema)) return rules;
  for (const key of ["minLength", "maxLength", "minItems", "maxItems"] as const) {
    const value = schema[key];
    if (typeof value === "number" && Number.isInteger(value)) rules[key] = value;
  }
  for (const key of ["minimum", "maximum"] as const) {
    const value = schema[key];
    if (typeof value === "number") rules[key] = value;
  }
  if (typeof schema.format === "string") rules.format = schema.format;
  return rules;
}

export function fieldTitle(field: FormField): string {
  return field.title || field.name;
}

/** How a field is filled in. */
export function fieldShape(field: FormField): "text" | "number" | "switch" | "choice" | "several" | "list" {
  switch (field.type) {
    case FormFieldType.NUMBER:
    case FormFieldType.INTEGER:
      return "number";
    case FormFieldType.BOOLEAN:
      return "switch";
    case FormFieldType.CHOICE:
      return field.choices.length > 0 ? "choice" : "text";
    case FormFieldType.MULTIPLE:
      return field.choices.length > 0 ? "several" : "list";
    default:
      return "text";
  }
}

function defaultOf(field: FormField): unknown {
  if (field.defaultJson === "") return undefined;
  try {
    const value: unknown = JSON.parse(field.defaultJson);
    return value === null ? undefined : value;
  } catch {
    return undefined;
  }
}

/** What stands in it at first: its default. */
export function initial(field: FormField): Raw {
  const value = defaultOf(field);
  switch (fieldShape(field)) {
    case "switch":
      return typeof value === "boolean" ? value : undefined;
    case "several":
    case "list":
      return Array.isArray(value) ? value.filter((v): v is string => typeof v === "string") : [];
    case "choice":
      return typeof value === "string" && field.choices.some((c) => c.value === value) ? value : undefined;
    default:
      return typeof value === "string" ? value : value === undefined || typeof value === "object" ? "" : field.defaultJson;
  }
}

// ---- formats, as the host reads them ----

const isDate = (t: string): boolean => {
  const parts = /^[0-9]{4}-([0-9]{2})-([0-9]{2})$/.exec(t);
  return parts !== null && parts[1]! !== "00" && parts[1]! <= "12" && parts[2]! !== "00" && parts[2]! <= "31";
};
const isDateTime = (t: string): boolean =>
  isDate(t.slice(0, 10)) && /^[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?([Zz]|[+-][0-9]{2}:[0-9]{2})$/.test(t.slice(10));
const isEmail = (t: string): boolean => /^[^@ \t\r\n]+@[^@ \t\r\n]+$/.test(t);
const isUri = (t: string): boolean => /^[A-Za-z0-9+.-]+:[^ \t\r\n]+$/.test(t);

const formats: Record<string, { is(text: string): boolean; what: string }> = {
  email: { is: isEmail, what: "an e-mail address" },
  uri: { is: isUri, what: "a URI, such as https://example.org" },
  date: { is: isDate, what: "a date, such as 2026-01-31" },
  "date-time": { is: isDateTime, what: "a date and time, such as 2026-01-31T10:00:00Z" },
};

const JSON_NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
const WHOLE = /^-?(0|[1-9][0-9]*)$/;

/** The bounds that all parsers of such objects share (docs/spec.md section 13.1). */
function numberProblem(literal: string): string | undefined {
  if (WHOLE.test(literal)) {
    const value = BigInt(literal);
    return value >= -(2n ** 63n) && value <= 2n ** 63n - 1n ? undefined : "this number is too large";
  }
  const exponent = /[eE]([+-]?[0-9]+)$/.exec(literal)?.[1];
  if (new TextEncoder().encode(literal).length > 32) return "this number has too many digits";
  return exponent !== undefined && Math.abs(Number(exponent)) > 250 ? "this number is too large or too small" : undefined;
}

export interface Checked {
  /** JSON of the value; absent: left out. */
  json?: string;
  /** Why it does not do. */
  problem?: string;
}

function checkText(field: FormField, rules: Rules, text: string): Checked {
  if (text === "") return {};
  const letters = [...text].length;
  if (text.includes("\0")) return { problem: "a NUL character cannot be sent" };
  if (rules.minLength !== undefined && letters < rules.minLength) return { problem: `at least ${rules.minLength} characters` };
  if (rules.maxLength !== undefined && letters > rules.maxLength) return { problem: `at most ${rules.maxLength} characters` };
  const format = rules.format !== undefined && field.type !== FormFieldType.CHOICE ? formats[rules.format] : undefined;
  if (format && !format.is(text)) return { problem: `must be ${format.what}` };
  return { json: JSON.stringify(text) };
}

function checkNumber(field: FormField, rules: Rules, typed: string): Checked {
  const literal = typed.trim();
  if (literal === "") return {};
  const whole = field.type === FormFieldType.INTEGER;
  if (!JSON_NUMBER.test(literal)) return { problem: whole ? "must be a whole number" : "must be a number, such as 1.5" };
  const beyond = numberProblem(literal);
  if (beyond) return { problem: beyond };
  const value = Number(literal);
  if (whole && !WHOLE.test(literal) && !(Number.isInteger(value) && Math.abs(value) < 1e15)) return { problem: "must be a whole number" };
  if (rules.minimum !== undefined && value < rules.minimum) return { problem: `at least ${rules.minimum}` };
  if (rules.maximum !== undefined && value > rules.maximum) return { problem: `at most ${rules.maximum}` };
  return { json: literal };
}

function checkSeveral(field: FormField, rules: Rules, values: readonly string[]): Checked {
  const items = values.filter((value) => value !== "");
  if (field.choices.length > 0) {
    const stranger = items.find((item) => !field.choices.some((c) => c.value === item));
    if (stranger !== undefined) return { problem: `${stranger.slice(0, 80)} is not one of the choices` };
  }
  if (items.length === 0 && !(field.required && defaultOf(field) === undefined)) return {};
  if (rules.minItems !== undefined && items.length < rules.minItems) return { problem: `at least ${rules.minItems} of them` };
  if (rules.maxItems !== undefined && items.length > rules.maxItems) return { problem: `at most ${rules.maxItems} of them` };
  return items.length === 0 ? {} : { json: JSON.stringify(items) };
}

/** Holds one field against its rules. A required field without a default must be given. */
export function check(field: FormField, raw: Raw): Checked {
  const rules = rulesOf(field);
  let checked: Checked;
  switch (fieldShape(field)) {
    case "switch":
      checked = typeof raw === "boolean" ? { json: String(raw) } : {};
      break;
    case "number":
      checked = checkNumber(field, rules, typeof raw === "string" ? raw : "");
      break;
    case "several":
    case "list":
      checked = checkSeveral(field, rules, Array.isArray(raw) ? raw : []);
      break;
    case "choice":
      if (typeof raw !== "string") checked = {};
      else if (field.choices.some((c) => c.value === raw)) checked = { json: JSON.stringify(raw) };
      else checked = { problem: "not one of the choices" };
      break;
    default:
      checked = checkText(field, rules, typeof raw === "string" ? raw : "");
  }
  if (checked.json === undefined && checked.problem === undefined && field.required && defaultOf(field) === undefined)
    return { problem: "must be given" };
  return checked;
}

export interface Content {
  json?: string;
  /** By field name. */
  problems: ReadonlyMap<string, string>;
}

/** The whole form: the JSON object that answers it, or what is wrong with which field. Numbers stay as they were typed. */
export function content(form: FormAsk, raws: ReadonlyMap<string, Raw>): Content {
  const problems = new Map<string, string>();
  const members: string[] = [];
  for (const field of form.fields) {
    const { json, problem } = check(field, raws.get(field.name));
    if (problem !== undefined) problems.set(field.name, problem);
    else if (json !== undefined) members.push(`${JSON.stringify(field.name)}:${json}`);
  }
  return problems.size > 0 ? { problems } : { json: `{${members.join(",")}}`, problems };
}

/** A form with one field that is a choice or a switch is a question with options: each is one tap. */
export function asOptions(form: FormAsk): { value: string; label: string; json: string }[] | undefined {
  const field = form.fields.length === 1 ? form.fields[0] : undefined;
  if (!field) return undefined;
  const shape = fieldShape(field);
  const name = JSON.stringify(field.name);
  if (shape === "switch")
    return [true, false].map((yes) => ({ value: String(yes), label: yes ? "Yes" : "No", json: `{${name}:${yes}}` }));
  if (shape !== "choice" || field.choices.length > 12) return undefined;
  return field.choices.map((c) => ({ value: c.value, label: c.label || c.value, json: `{${name}:${JSON.stringify(c.value)}}` }));
}

/** What a field takes, in words below it. */
export function ruleWords(field: FormField): string {
  const rules = rulesOf(field);
  const words: string[] = [];
  const range = (least: number | undefined, most: number | undefined, what: string) => {
    if (least !== undefined && most !== undefined) words.push(`${least} to ${most}${what}`);
    else if (least !== undefined) words.push(`at least ${least}${what}`);
    else if (most !== undefined) words.push(`at most ${most}${what}`);
  };
  switch (fieldShape(field)) {
    case "number":
      words.push(field.type === FormFieldType.INTEGER ? "a whole number" : "a number");
      range(rules.minimum, rules.maximum, "");
      break;
    case "several":
      words.push("any of these");
      range(rules.minItems, rules.maxItems, " of them");
      break;
    case "list":
      words.push("one a line");
      range(rules.minItems, rules.maxItems, " of them");
      break;
    case "text":
      if (rules.format !== undefined && formats[rules.format]) words.push(formats[rules.format]!.what);
      range(rules.minLength, rules.maxLength, " characters");
      break;
  }
  if (!field.required) words.push("may be empty");
  return words.join(", ");
}

/**
 * A form's answer in words: "Name: service, Database: SQLite"; of a form with one field its value alone. Without the form
 * (it was asked before what is known here) the names are those of the answer. undefined: it is no JSON object.
 */
export function answerInWords(form: FormAsk | undefined, json: string): string | undefined {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isObject(given)) return undefined;
  const parts: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    const field = form?.fields.find((f) => f.name === name);
    const word = (one: unknown): string => (typeof one === "boolean" ? (one ? "yes" : "no")
      : typeof one === "string" ? field?.choices.find((c) => c.value === one)?.label || one : one === null ? "nothing" : JSON.stringify(one));
    const words = Array.isArray(value) ? value.map(word).join(" + ") || "none" : word(value);
    parts.push(field && form?.fields.length === 1 ? words : `${field ? fieldTitle(field) : name}: ${words}`);
  }
  return parts.length > 0 ? parts.join(", ") : "nothing filled in";
}
