/** Cases of conformance/view, run against the TypeScript view as view_conformance.c runs them against C's. */
import { readdirSync, readFileSync } from "node:fs";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { View } from "../src/index.js";
import { EventSchema, SessionStateSchema, type Event, type SessionState } from "../src/messages.js";

export const CASES = new URL("../../../../conformance/view/", import.meta.url);

export const caseNames = (): string[] => readdirSync(CASES).filter((name) => name.endsWith(".case")).sort();

export const encoded = (state: SessionState): Buffer => Buffer.from(toBinary(SessionStateSchema, state, { writeUnknownFields: false }));

/** Pairs of digits and runs "(61*1000)". */
export function unhexRuns(text: string): Buffer {
  const pieces: Buffer[] = [];
  for (const [piece, , byte, count] of text.matchAll(/((?:[0-9a-f]{2})+)|\(([0-9a-f]{2})\*(\d+)\)|./g)) {
    if (count !== undefined) pieces.push(Buffer.alloc(Number(count), parseInt(byte!, 16)));
    else if (/^[0-9a-f]+$/.test(piece)) pieces.push(Buffer.from(piece, "hex"));
    else throw new Error(`not hex: ${piece}`);
  }
  return Buffer.concat(pieces);
}

const event = (bytes: Uint8Array): Event => fromBinary(EventSchema, bytes);

export function restored(view: View): View {
  const fresh = new View();
  view.snapshot(1n).forEach((message, i) => fresh.apply(event(message), i === 0));
  return fresh;
}

export const durable = (view: View): string => Buffer.concat(view.snapshot(1n)).toString("hex");

/** What is wrong; empty: nothing is. */
export function runCase(name: string): string[] {
  const wrong: string[] = [];
  let view = new View();
  const late: { line: number; view: View }[] = [];
  let expects = 0;
  readFileSync(new URL(name, CASES), "utf8").split("\n").forEach((line, index) => {
    if (line === "" || line.startsWith("#")) return;
    const [word, hex = ""] = line.split(" ");
    const bytes = unhexRuns(hex);
    switch (word) {
      case "durable":
      case "begin":
        view.apply(event(bytes), word === "begin");
        for (const other of late) other.view.apply(event(bytes), word === "begin");
        late.push({ line: index + 1, view: restored(view) });
        break;
      case "tail":
        view.applyTail(event(bytes));
        break;
      case "clear":
        view.clearTail();
        break;
      case "jump":
        view = restored(view);
        break;
      case "expect": {
        expects++;
        const got = encoded(view.state);
        if (!got.equals(bytes))
          wrong.push(`${name}:${index + 1}: another state was expected\n  expected ${bytes.toString("hex").slice(0, 800)}\n` +
            `  got      ${got.toString("hex").slice(0, 800)}`);
        break;
      }
      default:
        wrong.push(`${name}:${index + 1}: unknown word ${word}`);
    }
  });
  for (const other of late)
    if (durable(view) !== durable(other.view)) wrong.push(`${name}: restored at line ${other.line}, the rest gives another state`);
  if (expects === 0) wrong.push(`${name}: expects nothing`);
  return wrong;
}
