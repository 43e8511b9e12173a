/** A relay that serves the built page, hosts with the demo agent, and `remote` commands: all state in one temporary folder. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until, Process, run, type Ended } from "./processes.ts";
import { Player, type Described } from "./player.ts";
import { Proxy } from "./proxy.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const build = process.env.REMOTE_BUILD ?? join(root, "build/dev");
export const webFolder = process.env.REMOTE_WEB_FOLDER ?? join(root, "build/web");

function program(path: string, part = "tools"): string {
  const file = join(build, part, path);
  if (!existsSync(file)) throw new Error(`${file} is not built: run tools/dev build`);
  return file;
}

export interface Listed {
  session_id: string;
  title?: string;
  status: string;
  attached: boolean;
}

export interface HostOptions {
  mode?: "control" | "view" | "off";
  /** Columns and rows: with a surface of its own, on a terminal. */
  terminal?: [number, number];
  agent?: string[];
  flags?: string[];
  /** Goes on with this session. */
  resume?: string;
  env?: NodeJS.ProcessEnv;
}

export interface Host extends Process {
  session: string;
}

export class World {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  port = 0;
  relay: Process | undefined;
  readonly remote = program("cli/remote");
  readonly remoteRelay = program("relay/remote-relay");
  readonly agent = program("demo_agent/remote-demo-agent");
  #processes: Process[] = [];
  #proxies: Proxy[] = [];
  #flags: string[] = [];

  private constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "remote-web-"));
    for (const name of ["work", "state", "config"]) mkdirSync(join(this.folder, name), { mode: 0o700 });
    this.env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("REMOTE_")));
    Object.assign(this.env, {
      HOME: this.folder, XDG_STATE_HOME: join(this.folder, "state"), XDG_CONFIG_HOME: join(this.folder, "config"),
      NO_COLOR: "1", TERM: "xterm", REMOTE_TOKEN_FILE: this.tokenFile,
    });
  }

  /** With a relay that runs; `flags` are further ones of `remote-relay serve`. */
  static async start(...flags: string[]): Promise<World> {
    if (!existsSync(join(webFolder, "index.html"))) throw new Error(`${webFolder} is not built: run tools/dev web`);
    const world = new World();
    try {
      await world.startRelay(...flags);
    } catch (fault) {
      await world.end();
      throw fault;
    }
    return world;
  }

  get data(): string {
    return join(this.folder, "relay");
  }
  get tokenFile(): string {
    return join(this.data, "token");
  }
  get token(): string {
    return readFileSync(this.tokenFile, "utf8").trim();
  }
  get work(): string {
    return join(this.folder, "work");
  }
  /** Straight to the relay. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  #spawn(name: string, argv: string[], env: NodeJS.ProcessEnv = this.env): Process {
    const log = join(this.folder, `${String(this.#processes.length).padStart(2, "0")}-${name}.log`);
    const process = new Process(name, argv, { env, cwd: this.work, log });
    this.#processes.push(process);
    return process;
  }

  /** On the port that it had before, so that everybody finds it again; with the flags it had, unless others are given. */
  async startRelay(...flags: string[]): Promise<void> {
    if (flags.length > 0) this.#flags = flags;
    const address = join(this.data, "address");
    if (existsSync(address)) unlinkSync(address);
    const web = this.#flags.includes("--web") ? [] : ["--web", webFolder];
    const relay = this.#spawn("relay", [this.remoteRelay, "serve", "--data", this.data,
      "--listen", `http://127.0.0.1:${this.port}`, ...web, ...this.#flags]);
    this.relay = relay;
    const said = await until("the relay's address", () => {
      if (!relay.alive) throw new Error(`the relay has ended: ${relay.err.slice(-800)}`);
      return existsSync(address) && readFileSync(address, "utf8").trim();
    });
    this.port = Number(/:(\d+)/.exec(said.replace(/^\w+:/, ""))![1]);
    this.env.REMOTE_RELAY = `ws://127.0.0.1:${this.port}`;
  }

  /** kill -9, and on again. */
  async restartRelay(): Promise<void> {
    await this.relay!.kill();
    await this.startRelay();
  }

  /** A way of one browser to the relay. */
  async proxy(): Promise<Proxy> {
    const proxy = await Proxy.start(() => this.port);
    this.#proxies.push(proxy);
    return proxy;
  }

  async startHost(options: HostOptions = {}): Promise<Host> {
    const known = new Set((await this.sessions()).map((s) => s.session_id));
    if (options.resume) known.delete(options.resume);
    const argv = [this.remote, "host", `--remote=${options.mode ?? "control"}`, ...(options.terminal ? [] : ["--headless"]),
      ...(options.resume ? ["--resume", options.resume] : []), ...(options.flags ?? []), "--", ...(options.agent ?? [this.agent])];
    const inTerminal = options.terminal
      ? ["/usr/bin/python3", fileURLToPath(new URL("terminal.py", import.meta.url)), ...options.terminal.map(String), ...argv]
      : argv;
    const host = this.#spawn("host", inTerminal, { ...this.env, ...options.env }) as Host;
    host.session = await until("the session is listed and idle", async () => {
      if (!host.alive) throw new Error(`the host has ended: ${host.out.slice(-600)}${host.err.slice(-600)}`);
      return (await this.sessions()).find((s) => !known.has(s.session_id) && s.attached && s.status === "idle")?.session_id;
    });
    return host;
  }

  /** A host made with the library, whose agent is the test. */
  async startPlayer(described: Described = {}, mode: "control" | "view" = "control"): Promise<Player> {
    const session = { title: "A host of its own", interactive: true, agent: "player", ...described };
    const player = new Player(this.#spawn("player", [program("remote-play", "tests/e2e"), "--relay", this.env.REMOTE_RELAY!,
      "--token-file", this.tokenFile, "--remote", mode, "--session", JSON.stringify(session)]));
    await until("the player's session is listed", async () => {
      if (!player.process.alive) throw new Error(`the player has ended: ${player.process.err.slice(-600)}`);
      return player.session !== "" && (await this.sessions()).some((s) => s.session_id === player.session && s.attached);
    });
    return player;
  }

  /** `remote WORDS`; throws when it fails. */
  async cli(...words: string[]): Promise<string> {
    const ended = await this.tryCli(words);
    if (ended.code !== 0) throw new Error(`remote ${words.join(" ")}: exit ${ended.code}\n${ended.out}${ended.err}`);
    return ended.out;
  }
  async tryCli(words: string[], env: NodeJS.ProcessEnv = {}, input = ""): Promise<Ended> {
    return run([this.remote, ...words], { env: { ...this.env, ...env }, cwd: this.work, input });
  }
  async json(...words: string[]): Promise<Record<string, unknown>[]> {
    return (await this.cli(...words, "--json")).split("\n").filter((l) => l.startsWith("{")).map((l) => JSON.parse(l));
  }
  async relayCommand(...words: string[]): Promise<string> {
    const [verb, ...rest] = words;
    const ended = await run([this.remoteRelay, verb!, "--data", this.data, ...rest], { env: this.env, cwd: this.work });
    if (ended.code !== 0) throw new Error(`remote-relay ${words.join(" ")}: exit ${ended.code}\n${ended.out}${ended.err}`);
    return ended.out;
  }

  async sessions(): Promise<Listed[]> {
    const ended = await this.tryCli(["ls", "--json"]);
    return ended.code === 0 ? ended.out.split("\n").filter((l) => l.startsWith("{")).map((l) => JSON.parse(l) as Listed) : [];
  }

  /** A prompt from elsewhere, for which nobody waits. */
  async send(session: string, ...steps: string[]): Promise<void> {
    await this.cli("send", "--session", session, steps.join("\n"));
  }
  /** A prompt from elsewhere, and its turn has ended. */
  async turn(session: string, ...steps: string[]): Promise<void> {
    await this.cli("send", "--session", session, "--wait=idle", "--timeout", "120", steps.join("\n"));
  }

  /** The durable events, as `remote watch --json` tells them. */
  async events(session: string): Promise<Record<string, unknown>[]> {
    const said = await this.json("watch", session, "--durable", "--from", "start", "--until", "idle");
    return said.filter((line) => "event" in line).map((line) => line.event as Record<string, unknown>);
  }

  /** A further token of the account, for another browser or to be revoked. */
  async newToken(device: string): Promise<string> {
    return (await this.relayCommand("token", "--device", device)).match(/rrt_\S+/)![0];
  }

  /** What was logged, when something went wrong. */
  logs(): string {
    return readdirSync(this.folder).filter((name) => name.endsWith(".log")).sort()
      .map((name) => `--- ${name}\n${readFileSync(join(this.folder, name), "utf8").slice(-1500)}`).join("\n");
  }

  async end(): Promise<void> {
    for (const proxy of this.#proxies) await proxy.end();
    for (const process of this.#processes.reverse()) await process.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
