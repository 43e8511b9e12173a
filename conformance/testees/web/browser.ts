/**
 * A headless Chromium over its own debugging pipe: pages are opened and closed, nothing else. It belongs to this
 * process's group and ends when the pipe does, so that nothing is left whatever happens here.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

const PROFILE = "remote-web-testee-";
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows", "--disable-dev-shm-usage", "--disable-extensions", "--disable-default-apps",
  "--disable-breakpad", "--no-default-browser-check", "--mute-audio", "--remote-debugging-pipe", "about:blank",
];

/** Folders of such processes that were killed. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(PROFILE) ? Number(name.slice(PROFILE.length)) : 0;
    if (!pid) continue;
    try {
      process.kill(pid, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ESRCH") rmSync(join(tmpdir(), name), { recursive: true, force: true });
    }
  }
}

interface Answer {
  id?: number;
  result?: Record<string, unknown>;
  error?: { message: string };
}

export class Browser {
  #process: ChildProcess;
  #profile: string;
  #pipe: Writable;
  #calls = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>();
  #lastId = 0;
  #unread = "";

  constructor(program: string) {
    sweep();
    this.#profile = join(tmpdir(), PROFILE + process.pid);
    mkdirSync(this.#profile, { recursive: true });
    this.#process = spawn(program, [`--user-data-dir=${this.#profile}`, ...FLAGS], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      env: { ...process.env, HOME: this.#profile, XDG_CONFIG_HOME: this.#profile, XDG_CACHE_HOME: this.#profile },
    });
    this.#pipe = this.#process.stdio[3] as Writable;
    this.#pipe.on("error", () => {});
    const answers = this.#process.stdio[4] as Readable;
    answers.setEncoding("utf8");
    answers.on("data", (text: string) => this.#heard(text));
    this.#process.on("error", (error) => this.#gone(`${program}: ${error.message}`));
    this.#process.on("exit", (code, signal) => this.#gone(`${program} ended (${signal ?? code})`));
  }

  #heard(text: string): void {
    const pieces = (this.#unread + text).split("\0");
    this.#unread = pieces.pop()!;
    for (const piece of pieces) {
      const answer = JSON.parse(piece) as Answer;
      const call = answer.id === undefined ? undefined : this.#calls.get(answer.id);
      if (!call) continue;
      this.#calls.delete(answer.id!);
      if (answer.error) call.reject(new Error(answer.error.message));
      else call.resolve(answer.result ?? {});
    }
  }

  #gone(why: string): void {
    for (const call of this.#calls.values()) call.reject(new Error(why));
    this.#calls.clear();
  }

  #call(method: string, params: Record<string, unknown>): Promise<Record<string, unknown>> {
    if (this.#process.exitCode !== null) return Promise.reject(new Error("the browser has ended"));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#pipe.write(JSON.stringify({ id, method, params }) + "\0");
    });
  }

  async open(url: string): Promise<string> {
    return String((await this.#call("Target.createTarget", { url })).targetId);
  }
  async close(page: string): Promise<void> {
    await this.#call("Target.closeTarget", { targetId: page }).catch(() => {});
  }

  /** At once. The runner gives it half a second; what is left then is swept by the next one. */
  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    if (this.#process.exitCode === null && this.#process.kill("SIGKILL")) await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  }
}
