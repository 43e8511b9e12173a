/** @libremote/link in Node against the real programs, over a network that breaks: nothing twice, nothing lost. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import {
  CallError, CommandState, Connection, foldNews, LinkError, unhex, UploadState, View, type PastEvent, type Session, type SessionNews, type Socket,
} from "@libremote/link";
import { AnswerContentSchema, CommandOutcomeKind, create, SessionStateSchema, toBinary } from "@libremote/link/messages";
import { PATIENCE_MS, until } from "./processes.ts";
import type { Proxy } from "./proxy.ts";
import { digestOf, logOf } from "./truth.ts";
import { World, type Host } from "./world.ts";

const wasm = fileURLToPath(new URL("../../../build/wasm/remote-link.wasm", import.meta.url));

const socket = (url: string, protocol: string): Socket => new WebSocket(url, protocol) as unknown as Socket;

/** A reader that holds everything it is told against what it was told before, and its view against the module's. */
class Reader {
  readonly session: Session;
  readonly view = new View();
  readonly told: { offset: number; raw: Uint8Array }[] = [];
  readonly faults: string[] = [];
  first = -1;
  snapshots = 0;

  constructor(connection: Connection, id: string, from?: { epoch: Uint8Array; offset: number }) {
    this.session = connection.follow(unhex(id), from ? { from } : {});
    this.session.onNews((news) => this.#take(news));
  }

  #take(news: SessionNews): void {
    if (news.kind === "snapshot") this.snapshots++;
    if (news.kind === "reset") this.faults.push("a reset");
    if (news.kind === "event") {
      const last = this.told.at(-1)?.offset ?? -1;
      if (news.offset <= last) this.faults.push(`offset ${news.offset} behind ${last}`);
      if (this.first < 0) this.first = news.offset;
      this.told.push(news);
    }
    if (!foldNews(this.view, news)) return;
    const ours = Buffer.from(toBinary(SessionStateSchema, this.view.state, { writeUnknownFields: false }));
    const theirs = Buffer.from(this.session.connection.endpoint.clientView(this.session.handle).state());
    if (!ours.equals(theirs)) this.faults.push(`another state than the module's at ${news.kind} ${"offset" in news ? news.offset : ""}`);
  }

  get state() {
    return this.view.state;
  }
  get idle(): boolean {
    return this.session.synced && this.session.pending === 0 && this.state.turnId === "" && this.state.queue.length === 0;
  }

  /** All of it, from `from` on, at its place and once, is what the relay holds. The log goes on: devices come and go. */
  async check(log: readonly PastEvent[], from = this.first): Promise<void> {
    const last = log.at(-1)!.offset;
    await until("all that was read is told, too", () => this.session.position.offset > last);
    expect(this.faults).toEqual([]);
    const told = this.told.filter(({ offset }) => offset <= last);
    const sum = createHash("sha256");
    for (const { raw } of told) sum.update(raw);
    expect(told.map(({ offset }) => offset)).toEqual(log.filter(({ offset }) => offset >= from).map(({ offset }) => offset));
    expect(sum.digest("hex")).toBe(digestOf(log, from, Infinity));
  }
}

describe("the link", () => {
  let world: World;
  let host: Host;
  let proxy: Proxy;
  const connections: Connection[] = [];

  async function connect(): Promise<Connection> {
    const connection = await Connection.open({
      url: `ws://127.0.0.1:${proxy.port}/v1/link`, module: await WebAssembly.compile(readFileSync(wasm)), agent: "link-e2e/1", token: world.token,
      socket,
    });
    connections.push(connection);
    return connection;
  }

  const prompt = (session: Session, ...lines: string[]): string =>
    session.submit({ case: "submitPrompt", value: { text: lines.join("\n") } });
  const done = (session: Session, id: string) => until(`the outcome of ${id}`, () => session.command(id)?.state === CommandState.DONE);

  beforeAll(async () => {
    world = await World.start();
    host = await world.startHost();
    proxy = await world.proxy();
  });
  afterAll(async () => {
    for (const connection of connections) connection.close();
    await world?.end();
  });

  it("follows a session, steers it and answers", async () => {
    const connection = await connect();
    const reader = new Reader(connection, host.session);
    await until("it is read", () => reader.session.synced);
    const id = prompt(reader.session, "SAY one moment", "THINK well", "PLAN look|do", "RUN echo from the agent", "BIG 200");
    const ask = await until("it asks", () => reader.state.asks[0]);
    const yes = ask.options[0]!.optionId;
    reader.session.submit({ case: "answerAsk", value: { askId: ask.askId, answer: create(AnswerContentSchema, { optionId: yes }) } });
    await done(reader.session, id);
    expect(reader.session.command(id)!.outcome).toBe(CommandOutcomeKind.APPLIED);
    await until("the turn has ended", () => reader.idle && reader.state.asks.length === 0);
    expect(reader.state.history.some(({ item }) => item.case === "tool")).toBe(true);
    await reader.check(await logOf(world, host.session));
    reader.session.close();
    connection.close();
  });

  it("loses nothing and doubles nothing when it is cut anywhere", async () => {
    const connection = await connect();
    const reader = new Reader(connection, host.session);
    await until("it is read", () => reader.session.synced);
    const ids: string[] = [];
    for (const bytes of [0, 1, 30, 200, 700, 1_500, 4_000]) {
      const cut = proxy.cutAfter(bytes);
      const id = prompt(reader.session, `SAY cut after ${bytes}`, "BIG 30");
      ids.push(id);
      await Promise.race([cut, done(reader.session, id)]); // all of it may be less than that
      if (bytes === 700) await world.restartRelay();
    }
    void proxy.cutAfter(Infinity);
    for (const id of ids) await done(reader.session, id);
    await until("all turns have ended", () => reader.idle);
    expect(ids.map((id) => reader.session.command(id)!.outcome)).toEqual(ids.map(() => CommandOutcomeKind.APPLIED));
    const log = await logOf(world, host.session);
    await reader.check(log);
    for (const id of ids) {
      const said = log.filter(({ event: { body } }) => body.case === "userMessage" && Buffer.from(body.value.commandId).toString("hex") === id);
      expect(said.length).toBe(1);
    }
    connection.close();
  });

  it("goes on where another one was", async () => {
    const first = await connect();
    const before = new Reader(first, host.session);
    await until("it is read", () => before.session.synced);
    const from = before.session.position;
    first.close();
    await world.turn(host.session, "SAY while nobody was there", "BIG 10");
    const second = await connect();
    const after = new Reader(second, host.session, from);
    await until("it is read", () => after.session.synced);
    await after.check(await logOf(world, host.session), from.offset);
    second.close();
  });

  it("pages back through cuts", async () => {
    const connection = await connect();
    const session = connection.follow(unhex(host.session));
    await until("it is read", () => session.synced);
    const history = connection.history(unhex(host.session));
    const all: PastEvent[] = [];
    const end = session.position;
    for (let before = end, turn = 0; ; turn++) {
      const page = history.read(before, 40);
      if (turn < 3) proxy.cut();
      const { events, from, first, unreadable } = await page;
      expect(unreadable).toBe(0);
      all.unshift(...events);
      if (first) break;
      before = { ...before, offset: from };
    }
    const log = await logOf(world, host.session);
    expect(digestOf(all, 0, Infinity)).toBe(digestOf(log, 0, end.offset));
    const page = history.read(session.position, 10);
    await expect(history.read(session.position, 10)).rejects.toThrow(LinkError); // one at a time
    history.cancel();
    await expect(page).rejects.toThrow("given up");
    connection.close();
  });

  it("brings an attachment whole, although it is cut on its way", async () => {
    const connection = await connect();
    const reader = new Reader(connection, host.session);
    await until("it is read", () => reader.session.synced);
    const bytes = randomBytes(3_000_000);
    const upload = reader.session.upload({ name: "notes.bin", type: "application/octet-stream", bytes });
    const states: number[] = [];
    upload.onProgress((progress) => {
      states.push(progress.state);
      if (states.length === 3 || states.length === 9) proxy.cut();
    });
    await until("all of it is given", () => upload.progress.state !== UploadState.RUNNING); // commands keep their order
    const id = reader.session.submit({ case: "submitPrompt", value: { text: "FILES", attachmentIds: [upload.id] } });
    await done(reader.session, id);
    expect(reader.session.command(id)!.outcome).toBe(CommandOutcomeKind.APPLIED);
    await until("it is done", () => upload.progress.state === UploadState.DONE);
    expect(upload.progress).toMatchObject({ given: bytes.length, done: bytes.length });
    await until("the turn has ended", () => reader.idle);
    const said = reader.state.history.map(({ item }) => (item.case === "assistant" ? item.value.text : "")).join("");
    expect(said).toContain("notes.bin");
    expect(said).toContain(String(bytes.length));
    await reader.check(await logOf(world, host.session));
    connection.close();
  });

  it("fails calls at a cut, and takes them again", async () => {
    const connection = await connect();
    await until("it is live", () => connection.facts.phase === "live");
    const watch = { case: "watchSessions", value: { $typeName: "remote.v1.WatchSessions" } } as const;
    let listed = 0;
    const lost = connection.call(watch, () => listed++);
    await until("a session is listed", () => listed > 0);
    proxy.refuse(true);
    proxy.cut();
    await expect(lost).rejects.toBeInstanceOf(CallError);
    await expect(connection.call(watch)).rejects.toBeInstanceOf(CallError);
    const facts = await until("it waits for its next attempt", () => connection.facts.phase === "waiting" && connection.facts);
    expect(facts.nextAttempt).toBeGreaterThan(0);
    proxy.refuse(false);
    connection.probe(); // a person presses "now"
    await until("it is live again", () => connection.facts.phase === "live");
    const again = new AbortController();
    listed = 0;
    const watching = connection.call(watch, () => listed++, again.signal);
    await until("a session is listed", () => listed > 0);
    again.abort();
    await expect(watching).rejects.toMatchObject({ name: "AbortError" });
    connection.close();
  });

  it("finds a network out that carries nothing any more", async () => {
    const connection = await connect();
    await until("it is live", () => connection.facts.phase === "live");
    proxy.silence();
    connection.probe();
    await until("it is live on another carrier", () => connection.facts.phase === "live" && connection.endpoint.generation === 2, PATIENCE_MS);
    connection.close();
  });

  it("is dead with a token that is not known, and lives with another", async () => {
    const connection = await Connection.open({
      url: `ws://127.0.0.1:${proxy.port}/v1/link`, module: await WebAssembly.compile(readFileSync(wasm)), agent: "link-e2e/1",
      token: `rrt_${"0".repeat(43)}`, socket,
    });
    connections.push(connection);
    await until("it is dead", () => connection.facts.phase === "dead");
    expect(connection.facts.problem?.code).toBe(3001);
    expect(JSON.stringify(connection.facts.problem, (_, value: unknown) => String(value))).not.toContain("rrt_");
    connection.setToken(world.token);
    await until("it is live", () => connection.facts.phase === "live");
    connection.close();
  });
});
