/**
 * testee-web-browser: the web client's link in a real browser. This process speaks harness.proto with the runner and
 * serves the page to Chromium, under the Content-Security-Policy of the relay; the page's link runs over a real
 * WebSocket whose other end is here. The clock is real: what waits long is unsupported.
 *
 *   bridge.mjs [--longest-ms N]     REMOTE_CHROMIUM: another than /usr/bin/chromium
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { WebSocketServer, type WebSocket } from "ws";
import { RequestSchema, ResponseSchema, Role, type Request } from "../../../gen/ts/conformance/harness_pb.js";
import { Browser } from "./browser.js";
import { Carriers } from "./carriers.js";
import { Unsupported } from "./client.js";
import { description, done, Outputs, serveStdio, type Result } from "./harness.js";

/** build/web-testees/node/bridge.mjs stands three folders below the repository. */
const repository = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const PAGE_MS_MAX = 60_000;

function option(name: string, otherwise: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1] ?? otherwise;
}
const longestMs = Number(option("longest-ms", "3000"));

/** What the relay says about its pages, from its source. */
function pageFields(): Record<string, string> {
  const source = readFileSync(repository("tools/relay/http/routes.c"), "utf8");
  const macro = /#define PAGE_FIELDS((?:[^\n]*\\\n)*[^\n]*)/.exec(source)?.[1] ?? "";
  const text = [...macro.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((part) => part[1]).join("");
  const fields = text.split("\\r\\n").filter(Boolean).map((line) => line.split(": ", 2) as [string, string]);
  const found = Object.fromEntries(fields);
  if (!found["Content-Security-Policy"]?.includes("wasm-unsafe-eval")) throw new Error("routes.c: no PAGE_FIELDS");
  return found;
}

// ---- the page's server ----

const fields = pageFields();
const types: Record<string, string> = { html: "text/html; charset=utf-8", js: "text/javascript", wasm: "application/wasm" };

function file(request: IncomingMessage, response: ServerResponse): void {
  const path = new URL(request.url ?? "/", "http://page").pathname;
  const name = /^\/((?:assets\/)?[\w.-]+\.(\w+))$/.exec(path);
  try {
    const data = readFileSync(path === "/remote-link.wasm" ? repository("build/wasm/remote-link.wasm")
      : repository(`build/web-testees/page/${name![1]}`));
    response.writeHead(200, { ...fields, "Content-Type": types[name![2]!] ?? "application/octet-stream" }).end(data);
  } catch {
    response.writeHead(404, fields).end();
  }
}

const outputs = new Outputs();
const carriers = new Carriers(outputs);

/** One page, which is one process of a client. */
class Page {
  readonly number: number;
  #socket: WebSocket | undefined;
  #ready: () => void = () => {};
  readonly ready = new Promise<void>((resolve) => (this.#ready = resolve));
  #target: Promise<string>;
  #answers = new Map<bigint, (result: Result) => void>();
  #fault = "";

  constructor(number: number) {
    this.number = number;
    this.#target = browser.open(`http://127.0.0.1:${port}/page.html?${number}`);
    this.#target.catch((error: Error) => this.#broken(error.message));
  }

  joined(socket: WebSocket): void {
    this.#socket = socket;
    socket.on("message", (data) => this.#heard(data as Buffer));
    socket.on("close", () => this.#broken("the page is gone"));
    socket.on("error", () => {});
    this.#ready();
  }

  #broken(why: string): void {
    this.#fault ||= why;
    this.#ready();
    for (const answer of this.#answers.values()) answer({ case: "broken", value: this.#fault });
    this.#answers.clear();
  }

  #heard(data: Buffer): void {
    const response = fromBinary(ResponseSchema, data);
    if (current === this) for (const { output } of response.outputs) if (output.case === "told") outputs.json(output.value);
    if (response.result.case === "broken" && response.id === 0n) this.#broken(response.result.value);
    this.#answers.get(response.id)?.(response.result);
    this.#answers.delete(response.id);
  }

  async ask(request: Request): Promise<Result> {
    const late = setTimeout(() => this.#broken(`the page does not answer within ${PAGE_MS_MAX} ms`), PAGE_MS_MAX);
    try {
      await this.ready;
      if (this.#fault) return { case: "broken", value: this.#fault };
      return await new Promise((resolve) => {
        this.#answers.set(request.id, resolve);
        this.#socket!.send(toBinary(RequestSchema, request));
      });
    } finally {
      clearTimeout(late);
    }
  }

  /** What went wrong in it without having been asked. */
  get fault(): string {
    return this.#fault;
  }

  close(): void {
    this.#socket?.removeAllListeners("close");
    this.#socket?.terminate();
    void this.#target.then((target) => browser.close(target), () => {});
  }
}

const server = createServer(file);
const bridges = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const pages = new Map<number, Page>();
server.on("upgrade", (request, socket, head) => {
  const { pathname, search } = new URL(request.url ?? "/", "http://page");
  const page = pages.get(Number(search.slice(1)));
  if (pathname === "/v1/link" && page && page === current) carriers.asked(request, socket, head);
  else if (pathname === "/bridge" && page) bridges.handleUpgrade(request, socket, head, (joined) => page.joined(joined));
  else socket.destroy();
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const port = (server.address() as AddressInfo).port;

// ---- cases ----

const browser = new Browser(repository("tools/web/e2e/chromium"));
let current: Page | undefined; // of the case
let next: Page; // warm
let started: Request | undefined;
let opened = 0;

function warm(): Page {
  const page = new Page(++opened);
  pages.set(page.number, page);
  return page;
}
next = warm();

function takeWarm(): Page {
  const page = next;
  next = warm();
  return page;
}

/** The page before is gone at once, and another begins. */
async function begin(request: Request, numbers: boolean): Promise<Result> {
  if (current) {
    pages.delete(current.number); // it may dial once more before it is gone
    current.close();
  }
  carriers.clear(numbers);
  current = takeWarm();
  return current.ask(request);
}

/** Until there is an output, at the latest for that long. */
async function look(ms: number): Promise<void> {
  if (outputs.length === 0) {
    const quiet = new AbortController();
    outputs.added = () => quiet.abort();
    await sleep(ms, undefined, { signal: quiet.signal }).catch(() => {});
    outputs.added = undefined;
  }
  await sleep(2); // what comes along with it
}

async function serve(request: Request): Promise<Result> {
  const { ask } = request;
  if (ask.case === "describe")
    return description({
      name: "libremote, the web link in a browser", version: "0.1.0", roles: [Role.CLIENT, Role.VIEW],
      features: ["restart", "half_open"],
    });
  if (ask.case === "start") {
    outputs.clear();
    if (ask.value.role !== Role.CLIENT) throw new Unsupported("it is a client only");
    started = request;
    return begin(request, true);
  }
  if (ask.case === "fold") {
    current ??= takeWarm();
    return current.ask(request);
  }
  if (!current || !started) throw new Unsupported("no case has been started");
  if (current.fault) return { case: "broken", value: current.fault };
  switch (ask.case) {
    case "advance":
      carriers.expectWholeMessages();
      if (Number(ask.value.ms) > longestMs) throw new Unsupported(`${ask.value.ms} ms are too long on a real clock`);
      await sleep(Number(ask.value.ms));
      break;
    case "look":
      carriers.expectWholeMessages();
      await look(Number(ask.value.waitMs));
      break;
    case "connected":
      carriers.connected(ask.value.carrier, ask.value.refused);
      break;
    case "bytes":
      carriers.bytes(ask.value.carrier, ask.value.data);
      break;
    case "cut":
      carriers.expectWholeMessages();
      carriers.cut(ask.value.carrier, ask.value.halfOpen);
      break;
    case "restart":
      if (ask.value.beside || ask.value.backTo !== "") throw new Unsupported("a page keeps nothing");
      return begin({ ...started, id: request.id }, false);
    case "act":
      return current.ask(request);
    default:
      throw new Unsupported(`a browser has no ${String(ask.case)}`);
  }
  return done;
}

try {
  await serveStdio(outputs, serve);
} finally {
  await browser.end();
  process.exit(0);
}
