/** harness.proto over standard input and output: varint length, then the message. */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  DescriptionSchema, OutputSchema, RequestSchema, ResponseSchema, type Output, type Request, type Response,
} from "../../../gen/ts/conformance/harness_pb.js";
import { Unsupported } from "./client.js";
import type { Json } from "./json.js";

const REQUEST_BYTES_MAX = 64 * 1024 * 1024;

/** What goes into the next Response, in order. */
export class Outputs {
  #list: Output[] = [];
  /** Somebody waits for the next one. */
  added: (() => void) | undefined;

  get length(): number {
    return this.#list.length;
  }
  take(): Output[] {
    return this.#list.splice(0);
  }
  clear(): void {
    this.#list.length = 0;
  }
  #add(output: MessageInitShape<typeof OutputSchema>["output"]): void {
    this.#list.push(create(OutputSchema, { output: output as never }));
    this.added?.();
  }
  dial(carrier: number): void {
    this.#add({ case: "dial", value: carrier });
  }
  bytes(carrier: number, data: Uint8Array): void {
    this.#add({ case: "bytes", value: { carrier, data: data.slice() } as never });
  }
  closed(carrier: number): void {
    this.#add({ case: "closed", value: carrier });
  }
  told(kind: string, value: Json): void {
    this.json(JSON.stringify({ [kind]: value }));
  }
  json(told: string): void {
    this.#add({ case: "told", value: told });
  }
}

export type Result = Response["result"];

export const done: Result = { case: "done", value: { $typeName: "remote.conformance.v1.Done" } };

export function description(init: MessageInitShape<typeof DescriptionSchema>): Result {
  return { case: "description", value: create(DescriptionSchema, init) };
}

/** Serves until standard input ends. What throws is `broken`, but a trap of the module, which is a crash. */
export async function serveStdio(outputs: Outputs, serve: (request: Request) => Promise<Result> | Result): Promise<void> {
  let unread = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    unread = Buffer.concat([unread, chunk as Buffer]);
    for (let taken = takeMessage(unread); taken; taken = takeMessage(unread)) {
      unread = unread.subarray(taken.next);
      const request = fromBinary(RequestSchema, taken.data);
      const response = create(ResponseSchema, { id: request.id });
      response.result = await answer(request, serve);
      response.outputs = outputs.take();
      await write(toBinary(ResponseSchema, response));
    }
  }
}

async function answer(request: Request, serve: (request: Request) => Promise<Result> | Result): Promise<Result> {
  try {
    return await serve(request);
  } catch (error) {
    if (error instanceof Unsupported) return { case: "unsupported", value: error.message };
    console.error(error);
    if (error instanceof WebAssembly.RuntimeError) process.exit(70);
    return { case: "broken", value: String(error) };
  }
}

function takeMessage(data: Buffer): { data: Uint8Array; next: number } | undefined {
  let length = 0;
  for (let at = 0, scale = 1; at < data.length && at < 5; at++, scale *= 128) {
    length += (data[at]! & 127) * scale;
    if (data[at]! > 127) continue;
    if (length > REQUEST_BYTES_MAX) throw new RangeError(`a request of ${length} bytes`);
    const next = at + 1 + length;
    return data.length >= next ? { data: Uint8Array.from(data.subarray(at + 1, next)), next } : undefined;
  }
  return undefined;
}

function write(message: Uint8Array): Promise<void> {
  const head: number[] = [];
  let left = message.length;
  for (; left > 127; left = Math.floor(left / 128)) head.push((left & 127) | 128);
  head.push(left);
  return new Promise((resolve) => process.stdout.write(Buffer.concat([Buffer.from(head), message]), () => resolve()));
}
