/** The TypeScript view against libremote's own, in the module: the same events, the same bytes. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { Apply, ModuleView, View, type Module } from "../src/index.js";
import { EventSchema, type Event } from "../src/messages.js";
import { Events, MIXES, Random, TAILS } from "./random_events.js";
import { loadModule, moduleMissing } from "./wasm.js";
import { encoded } from "./view_cases.js";

const SEQUENCES = Number(process.env.REMOTE_VIEW_SEQUENCES ?? 300);
const FIRST_SEED = Number(process.env.REMOTE_VIEW_SEED ?? 1);
const TIMEOUT_MS = 600_000;

interface Counts {
  folded: number;
  refused: number;
}

class Pair {
  readonly view = new View();
  readonly c: ModuleView;
  readonly log: string[] = [];
  #module: Module;
  constructor(module: Module) {
    this.#module = module;
    this.c = ModuleView.create(module);
  }

  apply(bytes: Uint8Array, how: number, counts: Counts): void {
    this.log.push(`${["durable", "begin", "tail"][how]} ${Buffer.from(bytes).toString("hex")}`);
    if (this.c.apply(bytes, how) < 0) {
      counts.refused++;
      this.log.pop();
      return;
    }
    counts.folded++;
    const event: Event = fromBinary(EventSchema, bytes);
    if (how === Apply.TAIL) this.view.applyTail(event);
    else this.view.apply(event, how === Apply.BEGINS);
  }
  clear(): void {
    this.log.push("clear");
    this.c.clearTail();
    this.view.clearTail();
  }

  /** Where they differ; "": nowhere. */
  difference(): string {
    const ours = encoded(this.view.state), theirs = Buffer.from(this.c.state());
    if (!ours.equals(theirs)) return `state: ${at(ours, theirs)}`;
    const mine = Buffer.concat(this.view.snapshot(7n)), its = Buffer.concat(this.c.snapshot(7));
    return mine.equals(its) ? "" : `snapshot: ${at(mine, its)}`;
  }

  /** Both go on from what the other one has written. */
  swapped(counts: Counts): Pair {
    const fresh = new Pair(this.#module);
    this.c.snapshot(1).forEach((message, i) => fresh.apply(message, i === 0 ? Apply.BEGINS : Apply.DURABLE, counts));
    return fresh;
  }
}

function at(ours: Buffer, theirs: Buffer): string {
  let i = 0;
  while (i < ours.length && ours[i] === theirs[i]) i++;
  return `at byte ${i}: ours ${ours.subarray(i, i + 40).toString("hex")} (${ours.length}), C's ${theirs.subarray(i, i + 40).toString("hex")} (${theirs.length})`;
}

function sequence(module: Module, seed: number, counts: Counts): void {
  const random = new Random(seed);
  const events = new Events(random, {
    long: random.one([0, 0, 0.01, 0.05, 0.3]), full: random.one([0.1, 0.75]), ids: random.one([3, 10, 100, 400]),
  });
  const mix = random.one(MIXES);
  const count = random.one([5, 20, 40, 80, 350]);
  const tails = random.one([0, 0.2, 0.6, 0.95]);
  const clears = random.one([0.02, 0.001]);
  const every = random.one([1, 7, 50]);
  let pair = new Pair(module);
  try {
    for (let i = 0; i < count; i++) {
      const what = random.next();
      if (what < clears) {
        pair.clear();
      } else if (what < clears + 0.007) {
        const next = pair.swapped(counts);
        pair.c.destroy();
        pair = next;
      } else {
        const tail = random.chance(tails);
        const event = events.event(pair.view.state, tail ? TAILS : mix);
        const how = tail ? Apply.TAIL : event.body.case === "sessionState" && random.chance(0.5) ? Apply.BEGINS : Apply.DURABLE;
        pair.apply(toBinary(EventSchema, event), how, counts);
      }
      const difference = i % every === 0 || i === count - 1 ? pair.difference() : "";
      if (difference) throw new Error(`seed ${seed}, step ${i}: ${difference}\n${pair.log.join("\n").slice(-20_000)}`);
    }
  } finally {
    pair.c.destroy();
  }
}

describe.skipIf(moduleMissing)("the view in TypeScript and in C", () => {
  it("fold the same events to the same bytes", async () => {
    const module = await loadModule();
    const counts: Counts = { folded: 0, refused: 0 };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEQUENCES; seed++) sequence(module, seed, counts);
    console.log(`${SEQUENCES} sequences, ${counts.folded} events folded, ${counts.refused} refused by both`);
    expect(counts.folded).toBeGreaterThan(10 * counts.refused);
  }, TIMEOUT_MS);
});
