/**
 * testee-web-node: the web client's link in Node, on a virtual clock: the WebAssembly module that pages load, through
 * the package that pages use. Requests in, responses out; harness.proto, conformance/README.md.
 */
import { readFileSync } from "node:fs";
import { Role, type Request } from "../../../gen/ts/conformance/harness_pb.js";
import { Connection } from "../../../tools/web/link/src/connection.js";
import { Client, Unsupported } from "./client.js";
import { fold } from "./fold.js";
import { description, done, Outputs, serveStdio, type Result } from "./harness.js";
import type { JsonObject } from "./json.js";
import { VirtualClock, VirtualNetwork } from "./virtual.js";

const outputs = new Outputs();
const module = new WebAssembly.Module(readFileSync(new URL("../../wasm/remote-link.wasm", import.meta.url)));

/** 32 bytes that are a function of the case and of how often the process was started. */
function randomOf(text: string): Uint8Array {
  let state = 1469598103934665603n;
  for (const byte of new TextEncoder().encode(text)) state = BigInt.asUintN(64, (state ^ BigInt(byte)) * 1099511628211n);
  return Uint8Array.from({ length: 32 }, () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number(state >> 56n);
  });
}

class Case {
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
    });
    const config = structuredClone(this.#config);
    this.#client = new Client(connection, config, (kind, value) => outputs.told(kind, value));
  }

  act(json: string): void {
    const [[name, members]] = Object.entries(JSON.parse(json) as JsonObject) as [[string, JsonObject]];
    this.#client!.act(name, members);
  }
}

let current: Case | undefined;

async function serve(request: Request): Promise<Result> {
  const { ask } = request;
  switch (ask.case) {
    case "describe":
      return description({
        name: "libremote, the web link in Node", version: "0.1.0", roles: [Role.CLIENT, Role.VIEW], virtualClock: true,
        features: ["restart", "room", "half_open", "clock"],
      });
    case "start":
      outputs.clear();
      if (ask.value.role !== Role.CLIENT) throw new Unsupported("it is a client only");
      current = new Case(ask.value.caseId, JSON.parse(ask.value.configJson || "{}") as JsonObject);
      await current.begin();
      return done;
    case "fold":
      return { case: "state", value: fold(ask.value) };
  }
  if (!current) throw new Unsupported("no case has been started");
  switch (ask.case) {
    case "connected":
      current.network.connected(ask.value.carrier, ask.value.refused);
      break;
    case "bytes":
      current.network.bytes(ask.value.carrier, ask.value.data);
      break;
    case "cut":
      current.network.cut(ask.value.carrier, ask.value.halfOpen);
      break;
    case "room":
      current.network.room(ask.value.carrier, Number(ask.value.bytes));
      break;
    case "advance":
      current.clock.advance(Number(ask.value.ms));
      break;
    case "act":
      current.act(ask.value.json);
      break;
    case "look":
      break;
    case "restart":
      if (ask.value.beside || ask.value.backTo !== "") throw new Unsupported("a page keeps nothing");
      await current.begin();
      break;
    case "stepClock":
      current.clock.step(Number(ask.value.ms));
      break;
    default:
      throw new Unsupported(`a page has no ${String(ask.case)}`);
  }
  return done;
}

await serveStdio(outputs, serve);
