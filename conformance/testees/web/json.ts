/**
 * Messages as the suite writes them (conformance/README.md): fields by their names in the .proto, what is absent or
 * default left out, bytes in hex, enums by name without their prefix.
 */
import type { DescEnum, DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { create, ScalarType } from "@bufbuild/protobuf";
import { reflect, type ReflectList, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { hex, unhex } from "../../../tools/web/link/src/session.js";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

/** AskOptionKind has the values ASK_OPTION_KIND_… */
const prefixOf = (type: DescEnum): string =>
  type.name.replace(/(?!^)[A-Z]/g, (letter) => "_" + letter).toUpperCase() + "_";

function enumJson(type: DescEnum, value: number): Json {
  const name = type.value[value]?.name;
  if (name === undefined) return value;
  const prefix = prefixOf(type);
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

export function enumOf(type: DescEnum, json: Json): number {
  if (typeof json === "number") return json;
  const name = prefixOf(type) + String(json);
  const found = type.values.find((value) => value.name === name);
  if (!found) throw new Error(`${type.name} has no ${String(json)}`);
  return found.number;
}

// ---- message to JSON ----

function scalarJson(value: unknown): Json {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint8Array) return hex(value);
  return value as Json;
}

function valueJson(field: DescField, value: unknown): Json {
  if (field.message) return reflectedJson(value as ReflectMessage);
  if (field.enum) return enumJson(field.enum, value as number);
  return scalarJson(value);
}

function reflectedJson(message: ReflectMessage): JsonObject {
  const out: JsonObject = {};
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const value: unknown = message.get(field);
    out[field.name] = field.fieldKind === "list"
      ? Array.from(value as ReflectList, (item) => valueJson(field, item))
      : valueJson(field, value);
  }
  return out;
}

export function jsonOf(type: DescMessage, message: Message): JsonObject {
  return reflectedJson(reflect(type, message));
}

// ---- JSON to message ----

function scalarOf(field: DescField, type: ScalarType, json: Json): unknown {
  switch (type) {
    case ScalarType.BYTES:
      return unhex(String(json));
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return BigInt(json as number);
    case ScalarType.STRING:
      if (typeof json !== "string") throw new Error(`${field.name}: not a string`);
      return json;
    default:
      return json;
  }
}

function valueOf(field: DescField, json: Json): unknown {
  if (field.message) return fill(reflect(field.message, create(field.message)), json as JsonObject);
  if (field.enum) return enumOf(field.enum, json);
  return scalarOf(field, field.scalar!, json);
}

function fill(message: ReflectMessage, json: JsonObject): ReflectMessage {
  for (const [name, value] of Object.entries(json)) {
    const field = message.fields.find((one) => one.name === name);
    if (!field) throw new Error(`${message.desc.name} has no field ${name}`);
    if (field.fieldKind === "list") {
      const list = message.get(field) as ReflectList;
      for (const item of value as Json[]) list.add(valueOf(field, item) as never);
    } else {
      message.set(field, valueOf(field, value) as never);
    }
  }
  return message;
}

export function messageOf<T extends Message>(type: DescMessage, json: JsonObject): T {
  return fill(reflect(type, create(type)), json).message as T;
}
