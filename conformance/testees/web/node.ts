/**
 * testee-web-node: the web client's link in Node, on a virtual clock: the WebAssembly module that pages load, through
 * the package that pages use. Requests in, responses out; harness.proto, conformance/README.md.
 */
import { readFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { DecodedSchema, JudgedSchema, Role, type Request, type Start } from "../../../gen/ts/conformance/harness_pb.js";
import { Connection } from "../../../tools/web/link/src/connection.js";
import { actOf, Client, Unsupported } from "./client.js";
import { decode, judge } from "./codec.js";
import { fold } from "./fold.js";
import { description, done, Outputs, serveStdio, type Result } from "./harness.js";
import type { JsonObject } from "./json.js";
import { Owner } from "./owner.js";
import { RawModule } from "./raw.js";
import { VirtualClock, VirtualNetwork } from "./virtual.js";

const outputs = new Outputs();
const wasm = (name: string) => new WebAssembly.Module(readFileSync(new URL(`../../wasm/${name}.wasm`, import.meta.url)));
const module = wasm("remote-link");
const raw = wasm("remote-testee"); // the same with what is asked of a link and a codec alone
let codec: RawModule | undefined;

/** 32 bytes that are a function of the case and of how often the process was started. */
function randomOf(text: string): Uint8Array {
  let state = 1469598103934665603n;
  for (const byte of new TextEncoder().encode(text)) state = BigInt.asUintN(64, (state ^ BigInt(byte)) * 1099511628211n);
  return Uint8Array.from({ length: 32 }, () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number(state >> 56n);
  });
}

/** What a role that has carriers does with them. */
interface Part {
  connected(carrier: number, refused: boolean): void;
  bytes(carrier: number, data: Uint8Array): void;
  cut(carrier: number, halfOpen: boolean): void;
  room(carrier: number, bytes: number): void;
  advance(ms: number): void;
  act(name: string, members: JsonObject): void;
}

/** Role CLIENT. */
class ClientCase implements Part {
  readonly clock = new VirtualClock();
  readonly network = new VirtualNetwork(outputs);
  #config: JsonObject;
  #id: string;
  #begun = 0;
  #client: Client | undefined;

  constructor(id: string, config: JsonObject) {
    this.#id = id;
    this.#config = config;
  }

  /** A process begins; what the one before had is gone with it. */
  async begin(): Promise<void> {
    this.network.clear();
    this.#client = undefined;
    const connection = await Connection.open({
      url: "wss://relay.example.org/v1/link", module, agent: "testee-web", token: String(this.#config.token ?? ""),
      clock: this.clock, socket: () => this.network.dial(), random: randomOf(`${this.#id} ${this.#begun++}`),
      onError: (error) => queueMicrotask(() => {
        throw error; // nothing here may go wrong: the process ends, and the case is red
      }),
    });
    const config = structuredClone(this.#config);
    this.#client = new Client(connection, config, (kind, value) => outputs.told(kind, value));
  }

  connected(carrier: number, refused: boolean): void {
    this.network.connected(carrier, refused);
  }
  bytes(carrier: number, data: Uint8Array): void {
    this.network.bytes(carrier, data);
    this.#client!.verify();
  }
  cut(carrier: number, halfOpen: boolean): void {
    this.network.cut(carrier, halfOpen);
  }
  room(carrier: number, bytes: number): void {
    this.network.room(carrier, bytes);
  }
  advance(ms: number): void {
    this.clock.advance(ms);
  }
  act(name: string, members: JsonObject): void {
    this.#client!.act(name, members);
  }
}

let current: ClientCase | Owner | undefined;

async function start(ask: Start): Promise<void> {
  outputs.clear();
  const config = JSON.parse(ask.configJson || "{}") as JsonObject;
  if (ask.role === Role.CLIENT) {
    current = new ClientCase(ask.caseId, config);
    await current.begin();
  } else if (ask.role === Role.CONNECTING) {
    current = new Owner(await RawModule.instantiate(raw), config, outputs);
  } else {
    throw new Unsupported("it is a client, and the connecting side of a link");
  }
}

async function serve(request: Request): Promise<Result> {
  const { ask } = request;
  switch (ask.case) {
    case "describe":
      return description({
        name: "libremote, the web link in Node", version: "0.1.0", roles: [Role.CODEC, Role.CONNECTING, Role.CLIENT, Role.VIEW], virtualClock: true,
        features: ["restart", "room", "half_open", "clock"],
      });
    case "start":
      await start(ask.value);
      return done;
    case "decode":
      return { case: "decoded", value: create(DecodedSchema, decode((codec ??= await RawModule.instantiate(raw)), ask.value)) };
    case "judge":
      return { case: "judged", value: create(JudgedSchema, judge((codec ??= await RawModule.instantiate(raw)), ask.value)) };
    case "fold":
      return { case: "state", value: fold(ask.value) };
  }
  if (!current) throw new Unsupported("no case has been started");
  switch (ask.case) {
    case "connected":
      current.connected(ask.value.carrier, ask.value.refused);
      break;
    case "bytes":
      current.bytes(ask.value.carrier, ask.value.data);
      break;
    case "cut":
      current.cut(ask.value.carrier, ask.value.halfOpen);
      break;
    case "room":
      current.room(ask.value.carrier, Number(ask.value.bytes));
      break;
    case "advance":
      current.advance(Number(ask.value.ms));
      break;
    case "act":
      current.act(...actOf(ask.value.json));
      break;
    case "look":
      break;
    case "restart":
      if (!(current instanceof ClientCase)) throw new Unsupported("a link alone is not restarted");
      if (ask.value.beside || ask.value.backTo !== "") throw new Unsupported("a page keeps nothing");
      await current.begin();
      break;
    case "stepClock":
      if (!(current instanceof ClientCase)) throw new Unsupported("a link has no wall clock");
      current.clock.step(Number(ask.value.ms));
      break;
    default:
      throw new Unsupported(`a page has no ${String(ask.case)}`);
  }
  return done;
}

await serveStdio(outputs, serve);
