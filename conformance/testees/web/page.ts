/**
 * The page of testee-web-browser: what the bridge asks is done with the package's own Connection, on the browser's
 * WebSocket, timers and WebAssembly. Requests and Responses of harness.proto travel on a WebSocket of their own; a
 * Response with id 0 is what was told in between.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { OutputSchema, RequestSchema, ResponseSchema, type Request, type Response } from "../../../gen/ts/conformance/harness_pb.js";
import { Connection } from "../../../tools/web/link/src/connection.js";
import { actOf, Client, Unsupported } from "./client.js";
import { fold } from "./fold.js";
import type { Json, JsonObject } from "./json.js";

const bridge = new WebSocket(`ws://${location.host}/bridge${location.search}`, "bridge");
bridge.binaryType = "arraybuffer";

const module = WebAssembly.compileStreaming(fetch("remote-link.wasm"));
let client: Client | undefined;

function say(response: Response): void {
  bridge.send(toBinary(ResponseSchema, response) as Uint8Array<ArrayBuffer>);
}

function tell(kind: string, value: Json): void {
  const output = create(OutputSchema, { output: { case: "told", value: JSON.stringify({ [kind]: value }) } });
  say(create(ResponseSchema, { outputs: [output] }));
}

async function serve({ ask }: Request): Promise<Response["result"]> {
  switch (ask.case) {
    case "start": {
      const config = JSON.parse(ask.value.configJson || "{}") as JsonObject;
      const connection = await Connection.open({
        url: `ws://${location.host}/v1/link${location.search}`, module: await module, agent: "testee-web", token: String(config.token ?? ""),
        onError: reportError, // as if it had been thrown in the page: the case fails
      });
      client = new Client(connection, config, tell);
      break;
    }
    case "act":
      client!.act(...actOf(ask.value.json));
      break;
    case "fold":
      return { case: "state", value: fold(ask.value) };
    default:
      throw new Unsupported(`a page has no ${String(ask.case)}`);
  }
  return { case: "done", value: { $typeName: "remote.conformance.v1.Done" } };
}

/** Anything that nobody caught is broken, a trap of the module above all. */
function broken(id: bigint, error: unknown): void {
  const text = error instanceof Error ? `${error.message} ${error.stack ?? ""}` : String(error);
  say(create(ResponseSchema, { id, result: { case: "broken", value: text } }));
}
addEventListener("error", (event) => broken(0n, event.error ?? event.message));
addEventListener("unhandledrejection", (event) => broken(0n, event.reason));
document.addEventListener("securitypolicyviolation", (event) => broken(0n, `${event.violatedDirective}: ${event.blockedURI}`));

let turn = Promise.resolve();
bridge.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
  const request = fromBinary(RequestSchema, new Uint8Array(data));
  turn = turn.then(async () => {
    try {
      say(create(ResponseSchema, { id: request.id, result: await serve(request) }));
    } catch (error) {
      if (error instanceof Unsupported)
        say(create(ResponseSchema, { id: request.id, result: { case: "unsupported", value: error.message } }));
      else broken(request.id, error);
    }
  });
};
