/** Programs in the background. They die with the test, however it ends, and their output is kept. */
import { spawn, type ChildProcess } from "node:child_process";
import { appendFileSync } from "node:fs";

/** Limits on waiting: a hang, not slowness. Machines are shared. */
export const PATIENCE_MS = 1000 * Number(process.env.REMOTE_WEB_PATIENCE ?? 90);

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls ready() until it gives something true, and returns that. */
export async function until<T>(what: string, ready: () => T | Promise<T>, ms = PATIENCE_MS): Promise<Exclude<T, false | "" | 0 | null | undefined>> {
  const end = Date.now() + ms;
  for (;;) {
    const value = await ready();
    if (value) return value as Exclude<T, false | "" | 0 | null | undefined>;
    if (Date.now() > end) throw new Error(`not within ${ms / 1000} s: ${what}`);
    await sleep(25);
  }
}

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Dies with this process: the kernel sees to it, also when the test is killed. */
const withUs = (argv: string[]): [string, string[]] => ["setpriv", ["--pdeathsig", "KILL", "--", ...argv]];

export class Process {
  readonly name: string;
  readonly child: ChildProcess;
  out = "";
  err = "";
  #log: string;
  #gone: Promise<number | null>;
  #ended = false;

  constructor(name: string, argv: string[], options: { env: NodeJS.ProcessEnv; cwd: string; log: string }) {
    this.name = name;
    this.#log = options.log;
    const [file, words] = withUs(argv);
    this.child = spawn(file, words, { env: options.env, cwd: options.cwd, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stdin!.on("error", () => {}); // it ended while we typed
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => this.#keep("out", text));
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => this.#keep("err", text));
    this.#gone = new Promise((resolve) => {
      this.child.on("close", (code) => {
        this.#ended = true;
        resolve(code);
      });
      this.child.on("error", (fault) => {
        this.#keep("err", String(fault));
        this.#ended = true;
        resolve(null);
      });
    });
  }

  #keep(where: "out" | "err", text: string): void {
    this[where] += text;
    appendFileSync(this.#log, text);
  }

  get alive(): boolean {
    return !this.#ended;
  }
  get gone(): Promise<number | null> {
    return this.#gone;
  }

  /** Keys, as a person would press them. */
  type(text: string): void {
    this.child.stdin!.write(text);
  }

  /** What it has drawn, without escape sequences. */
  get drawn(): string {
    return this.out.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replace(/\r/g, "");
  }

  async says(text: string | RegExp, after = 0): Promise<void> {
    await until(`${this.name} says ${text}; it said ${this.drawn.slice(-600)}`, () => {
      const now = this.drawn.slice(after);
      return typeof text === "string" ? now.includes(text) : text.test(now);
    });
  }

  /** To its whole process group: an agent ends with its host. */
  signal(name: NodeJS.Signals, group = false): void {
    if (!this.child.pid || this.#ended) return;
    try {
      process.kill(group ? -this.child.pid : this.child.pid, name);
    } catch {
      // it is gone already
    }
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL", true);
    await this.#gone;
  }

  async end(): Promise<void> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL", true), 10_000);
    await this.#gone;
    clearTimeout(timer);
    this.signalGroupLeft();
  }

  /** What a host that was killed has left behind. */
  signalGroupLeft(): void {
    try {
      process.kill(-this.child.pid!, "SIGKILL");
    } catch {
      // nobody is left
    }
  }
}

/** A program that ends by itself. */
export async function run(argv: string[], options: { env: NodeJS.ProcessEnv; cwd: string; input?: string }): Promise<Ended> {
  const [file, words] = withUs(argv);
  const child = spawn(file, words, { env: options.env, cwd: options.cwd, stdio: ["pipe", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const timer = setTimeout(() => child.kill("SIGKILL"), 2 * PATIENCE_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("close", resolve);
    child.on("error", reject);
  });
  clearTimeout(timer);
  return { code, out, err };
}
