/**
 * Deep copies of messages, whose long texts are shortened on the way where a budget says so, and the length that a
 * message has when it is encoded. Both are led by the schema; unknown fields are left out.
 */
import { create, ScalarType, type DescField, type DescMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import { CUT_FREE_BYTES, MESSAGE_BYTES_MAX, SNAPSHOT_FRAME_BYTES } from "./limits.js";
import { bytesFloor, utf8Bytes, utf8Floor } from "./utf8.js";

type Members = Record<string, unknown>;
interface Choice {
  case: string | undefined;
  value?: unknown;
}

/** A field of a message, as the walks need it. */
interface Field {
  number: number;
  name: string;
  /** Its member in the message when it is one of several; else "". */
  oneof: string;
  list: boolean;
  tagBytes: number;
  kind: "text" | "bytes" | "message" | "varint32" | "varint64" | "bool";
  of: Shape | undefined;
}

interface Shape {
  desc: DescMessage;
  fields: Field[];
}

const shapes = new Map<string, Shape>();

function kindOf(field: DescField): Field["kind"] {
  if (field.message) return "message";
  if (field.enum) return "varint32";
  switch (field.scalar) {
    case ScalarType.STRING: return "text";
    case ScalarType.BYTES: return "bytes";
    case ScalarType.BOOL: return "bool";
    case ScalarType.UINT32: case ScalarType.INT32: return "varint32";
    case ScalarType.UINT64: case ScalarType.INT64: return "varint64";
  }
  throw new TypeError(`${field.toString()}: the view knows no such type`);
}

function shapeOf(desc: DescMessage): Shape {
  const known = shapes.get(desc.typeName);
  if (known) return known;
  const shape: Shape = { desc, fields: [] };
  shapes.set(desc.typeName, shape); // before its fields: a message may hold itself
  for (const field of [...desc.fields].sort((a, b) => a.number - b.number)) {
    const kind = kindOf(field);
    const list = field.fieldKind === "list";
    if (list && kind !== "text" && kind !== "bytes" && kind !== "message")
      throw new TypeError(`${field.toString()}: the view knows no lists of numbers`);
    shape.fields.push({
      number: field.number, name: field.localName, oneof: field.oneof?.localName ?? "", list, kind,
      tagBytes: varint32Bytes(field.number * 8), of: field.message ? shapeOf(field.message) : undefined,
    });
  }
  return shape;
}

/** The field's value; undefined: it is not there (another of its oneof may be). */
function valueOf(field: Field, message: Members): unknown {
  if (field.oneof === "") return message[field.name];
  const choice = message[field.oneof] as Choice;
  return choice.case === field.name ? choice.value : undefined;
}

// ---- lengths ----

export function varint32Bytes(value: number): number {
  if (value < 0) return 10;
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

export function varint64Bytes(value: bigint): number {
  if (value < 0x80n && value >= 0n) return 1;
  let bytes = 1;
  for (let left = BigInt.asUintN(64, value) >> 7n; left > 0n; left >>= 7n) bytes++;
  return bytes;
}

/** A tag, a length, and that much. */
export function framed(tagBytes: number, bytes: number): number {
  return tagBytes + varint32Bytes(bytes) + bytes;
}

/** Of a value that is there. */
function valueBytes(field: Field, value: unknown, unknown: boolean): number {
  switch (field.kind) {
    case "text": return framed(field.tagBytes, utf8Bytes(value as string));
    case "bytes": return framed(field.tagBytes, (value as Uint8Array).length);
    case "message": return framed(field.tagBytes, membersBytes(field.of!, value as Members, unknown));
    case "bool": return field.tagBytes + 1;
    case "varint32": return field.tagBytes + varint32Bytes(value as number);
    case "varint64": return field.tagBytes + varint64Bytes(value as bigint);
  }
}

/** Outside of a oneof what is zero or empty is not written. */
function isDefault(field: Field, value: unknown): boolean {
  switch (field.kind) {
    case "text": return value === "";
    case "bytes": return (value as Uint8Array).length === 0;
    case "message": return false;
    case "bool": return value === false;
    case "varint32": return value === 0;
    case "varint64": return value === 0n;
  }
}

function membersBytes(shape: Shape, message: Members, unknown: boolean): number {
  let bytes = 0;
  for (const field of shape.fields) {
    const value = valueOf(field, message);
    if (value === undefined) continue;
    if (field.list) for (const element of value as unknown[]) bytes += valueBytes(field, element, unknown);
    else if (field.oneof !== "" || !isDefault(field, value)) bytes += valueBytes(field, value, unknown);
  }
  if (unknown)
    for (const field of (message as unknown as Message).$unknown ?? []) bytes += varint32Bytes(field.no * 8) + field.data.length;
  return bytes;
}

/** How long it is when it is encoded; `unknown`: with the fields that the schema does not name. */
export function encodedBytes<D extends DescMessage>(desc: D, message: MessageShape<D>, unknown = false): number {
  return membersBytes(shapeOf(desc), message as unknown as Members, unknown);
}

// ---- copies ----

/**
 * How many bytes the long texts and bytes below the outermost message's field of that number may have in all, in
 * ascending order of fields; what is over is cut at a character. Field 0: every field without an entry of its own;
 * absent: those are not cut.
 */
export type Cuts = ReadonlyMap<number, number>;

interface Budget {
  left: number;
}

function copyText(text: string, budget: Budget | undefined): string {
  if (!budget || text.length * 3 <= CUT_FREE_BYTES) return text;
  const bytes = utf8Bytes(text);
  if (bytes <= CUT_FREE_BYTES) return text;
  const kept = bytes <= budget.left ? { units: text.length, bytes } : utf8Floor(text, budget.left);
  budget.left -= kept.bytes;
  return kept.units === text.length ? text : text.slice(0, kept.units);
}

function copyBytes(data: Uint8Array, budget: Budget | undefined): Uint8Array {
  if (!budget || data.length <= CUT_FREE_BYTES) return data.slice();
  const kept = bytesFloor(data, budget.left);
  budget.left -= kept;
  return data.slice(0, kept);
}

function copyValue(field: Field, value: unknown, budget: Budget | undefined): unknown {
  switch (field.kind) {
    case "text": return copyText(value as string, budget);
    case "bytes": return copyBytes(value as Uint8Array, budget);
    case "message": return copyMembers(field.of!, value as Members, () => budget);
    default: return value;
  }
}

function copyMembers(shape: Shape, message: Members, budgetOf: (field: number) => Budget | undefined): Members {
  const copy = create(shape.desc) as unknown as Members;
  for (const field of shape.fields) {
    const value = valueOf(field, message);
    if (value === undefined) continue;
    const budget = budgetOf(field.number);
    const mine = field.list ? (value as unknown[]).map((element) => copyValue(field, element, budget)) : copyValue(field, value, budget);
    if (field.oneof === "") copy[field.name] = mine;
    else copy[field.oneof] = { case: field.name, value: mine } satisfies Choice;
  }
  return copy;
}

export function copyOf<D extends DescMessage>(desc: D, message: MessageShape<D>, cuts?: Cuts): MessageShape<D> {
  const budgets = new Map<number, Budget>();
  if (cuts) for (const [field, bytes] of cuts) budgets.set(field, { left: bytes });
  const copy = copyMembers(shapeOf(desc), message as unknown as Members, (field) => budgets.get(field) ?? budgets.get(0));
  return copy as unknown as MessageShape<D>;
}

const TIGHT: Cuts = new Map([[0, 48 * 1024]]);

/**
 * A copy that fits a snapshot. An event may be as large as a message may be; the same thing in a SessionState needs a
 * little more around it, so whatever comes near has its long texts cut. undefined: it can never fit.
 */
export function boundedCopy<D extends DescMessage>(desc: D, message: MessageShape<D>): MessageShape<D> | undefined {
  const copy = copyOf(desc, message);
  if (encodedBytes(desc, copy) <= MESSAGE_BYTES_MAX - 1024) return copy;
  const cut = copyOf(desc, copy, TIGHT);
  return encodedBytes(desc, cut) > MESSAGE_BYTES_MAX - SNAPSHOT_FRAME_BYTES ? undefined : cut;
}
