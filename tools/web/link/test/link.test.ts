/** The connection on a clock that stands still and sockets that misbehave. */
import { afterEach, describe, expect, it } from "vitest";
import { CallError, CommandState, Connection, LinkError, ModuleError, UploadState, type ConnectionFacts, type ConnectionOptions, type SessionNews } from "../src/index.js";
import { FrameType } from "../../../../gen/ts/remote/v1/frame_pb.js";
import { buffer, FakeClock, FakeRelay, FakeSocket, titled, WALL_MS } from "./fakes.js";
import { compiled, moduleMissing } from "./wasm.js";

const SESSION = new Uint8Array(16).fill(5);
const BUFFERED = 512 * 1024;

class World {
  readonly clock = new FakeClock();
  readonly sockets: FakeSocket[] = [];
  readonly errors: unknown[] = [];
  readonly told: ConnectionFacts[] = [];
  connection!: Connection;
  /** What making a socket throws. */
  refuses: Error | undefined;

  static async open(options: Partial<ConnectionOptions> = {}): Promise<World> {
    const world = new World();
    world.connection = await Connection.open({
      url: "wss://relay.example.org/v1/link", module: await compiled(), agent: "test/1", clock: world.clock, random: new Uint8Array(32).fill(3), grease: false,
      socket: () => {
        if (world.refuses) throw world.refuses;
        const socket = new FakeSocket();
        world.sockets.push(socket);
        return socket;
      },
      onError: (error) => world.errors.push(error), ...options,
    });
    world.connection.onChange((facts) => world.told.push(facts));
    return world;
  }
  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }
  get facts(): ConnectionFacts {
    return this.connection.facts;
  }
  /** The newest socket opens, and a relay greets. */
  live(log: Uint8Array[] = []): FakeRelay {
    const relay = new FakeRelay(this.socket, log);
    this.socket.open();
    expect(`${this.facts.phase} ${this.facts.problem?.reason ?? ""}`).toBe("live ");
    return relay;
  }
  /** Waits for the next attempt. */
  next(): void {
    const count = this.sockets.length;
    for (let i = 0; i < 40 && this.sockets.length === count; i++) this.clock.advance(1000);
    expect(this.sockets.length).toBe(count + 1);
  }
}

const worlds: World[] = [];
async function open(options: Partial<ConnectionOptions> = {}): Promise<World> {
  const world = await World.open(options);
  worlds.push(world);
  return world;
}

describe.skipIf(moduleMissing)("a connection", () => {
  afterEach(() => {
    for (const world of worlds.splice(0)) {
      world.connection.close();
      expect(world.clock.waiting, "timers that are left behind").toBe(0);
    }
  });

  it("moves its times along when the device's clock is set back, and never says less time than there was", async () => {
    const world = await open();
    world.live();
    world.clock.advance(5_000);
    const { clockOffset, lastHeard, since } = world.facts;
    world.clock.set = -3_600_000;
    expect(world.connection.lookAtClock()).toBe(-3_600_000);
    expect(world.facts).toMatchObject({ since: since - 3_600_000, lastHeard: lastHeard! - 3_600_000, clockOffset: clockOffset + 3_600_000 });
    expect(world.connection.lookAtClock()).toBe(0);
    world.clock.set = -3_600_400; // put right by little
    expect(world.connection.lookAtClock()).toBe(0);
    world.clock.set = 0; // ahead, or asleep
    expect(world.connection.lookAtClock()).toBe(0);
    expect(world.facts.lastHeard).toBe(lastHeard! - 3_600_000);
    // Between two attempts: the countdown stays what it was.
    for (let i = 0; i < 3 && world.facts.phase !== "waiting"; i++) world.socket.die();
    const left = world.facts.nextAttempt! - world.clock.wall();
    expect(left).toBeGreaterThan(0);
    world.clock.set = -7_200_000;
    world.connection.lookAtClock();
    expect(world.facts.nextAttempt! - world.clock.wall()).toBe(left);
  });

  it("connects, greets and is live, and says since when", async () => {
    const world = await open();
    expect(world.facts).toMatchObject({ phase: "connecting", failures: 0 });
    expect(world.socket.binaryType).toBe("arraybuffer");
    world.clock.advance(70);
    const relay = world.live();
    expect(world.told.map(({ phase }) => phase)).toEqual(["greeting", "live"]);
    expect(world.facts).toMatchObject({ since: WALL_MS + 70, clockOffset: 4930, failures: 0, lastHeard: WALL_MS + 70 });
    expect(world.facts.welcome?.principal?.account).toBe("ada");
    expect(relay.frames[0]!.type).toBe(FrameType.HELLO);
  });

  it("gives up a socket that never opens after 10 s, and says when it is tried again", async () => {
    const world = await open();
    world.clock.advance(9_999);
    expect(world.facts.phase).toBe("connecting");
    world.clock.advance(1);
    expect(world.facts.failures).toBe(1);
    expect(world.sockets[0]!.closedWith).toBe(1000);
    for (let failures = 2; failures < 12; failures++) { // ever more slowly, at most 30 s apart
      for (let i = 0; i < 41 && world.facts.failures < failures; i++) {
        if (world.facts.phase === "waiting") {
          expect(world.facts.nextAttempt).toBeGreaterThanOrEqual(world.clock.wall());
          expect(world.facts.nextAttempt).toBeLessThanOrEqual(world.clock.wall() + 30_000);
        }
        world.clock.advance(1000);
      }
      expect(world.facts.failures).toBe(failures);
    }
    expect(world.clock.waiting).toBeLessThanOrEqual(2);
    world.sockets[0]!.open(); // too late: it is nobody's
    expect(world.facts.phase).not.toBe("greeting");
  });

  it("comes back by itself when a live socket dies, with whatever code", async () => {
    for (const code of [1000, 1001, 1006, 1011, 4000]) {
      const world = await open();
      world.live();
      world.clock.advance(5_000);
      world.socket.die(code);
      expect(world.sockets.length).toBe(2); // at once: it had been live for long enough
      expect(world.facts).toMatchObject({ phase: "connecting", failures: 1, probing: false });
      expect(world.facts.welcome).toBeUndefined();
      world.live();
      expect(world.facts.failures).toBe(0);
    }
  });

  it("counts an error and the close behind it once", async () => {
    const world = await open();
    const { socket } = world;
    const { onerror, onclose } = socket;
    onerror?.(undefined as never);
    onclose?.(undefined as never);
    expect(world.facts.failures).toBe(1);
    expect(typeof socket.onerror).toBe("function"); // some sockets throw what nobody listens to
  });

  it("reads a frame that comes in two messages, and ends what stays half a frame", async () => {
    const world = await open();
    const relay = new FakeRelay(world.socket);
    const whole: Uint8Array[] = [];
    relay.say = (...bytes) => whole.push(...bytes);
    world.socket.open();
    const bytes = Buffer.concat(whole);
    world.socket.hear(buffer(bytes.subarray(0, 10)));
    expect(world.facts.phase).toBe("greeting");
    world.socket.hear(buffer(bytes.subarray(10)));
    expect(world.facts.phase).toBe("live");

    const other = await open();
    other.socket.open();
    other.socket.hear(buffer(bytes.subarray(0, 10)));
    other.clock.advance(10_000);
    expect(other.facts.problem?.code).toBe(1002);
    expect(other.facts.failures).toBe(1);
  });

  it("lets a socket go that brings text, a blob, or more than a message may have", async () => {
    for (const data of ["text", {}, undefined, new ArrayBuffer(2 << 20)]) {
      const world = await open();
      world.live();
      world.socket.hear(data);
      expect(world.sockets[0]!.readyState).toBe(3);
      expect(world.facts).toMatchObject({ failures: 1 });
    }
  });

  it("says goodbye to what is no frame, and why", async () => {
    const world = await open();
    const relay = world.live();
    world.socket.hear(buffer(new Uint8Array(100).fill(0xff)));
    expect(relay.frames.at(-1)!.type).toBe(FrameType.GOAWAY);
    expect(world.facts.problem?.code).toBe(4001);
    expect(world.facts.phase).toBe("dead"); // it will not get better by itself
    expect(world.clock.waiting).toBe(0);
  });

  it("gives up a goodbye that cannot be sent", async () => {
    const world = await open();
    world.live();
    const sent = world.socket.sent.length;
    world.socket.bufferedAmount = BUFFERED;
    world.socket.hear(buffer(new Uint8Array(100).fill(0xff)));
    expect(world.facts.phase).toBe("dead");
    expect(world.socket.sent.length).toBe(sent);
  });

  it("sends no more while much lies in the socket, and goes on afterwards", async () => {
    const world = await open();
    const relay = world.live();
    world.socket.bufferedAmount = BUFFERED;
    const answer = world.connection.call({ case: "watchSessions", value: { $typeName: "remote.v1.WatchSessions" } });
    answer.catch(() => {});
    world.clock.advance(100);
    expect(relay.requests.length).toBe(0);
    world.socket.bufferedAmount = BUFFERED - 1;
    world.clock.advance(20);
    expect(relay.requests.length).toBe(1);
  });

  it("takes a send that throws for a lost carrier", async () => {
    const world = await open();
    world.live();
    world.socket.throws = new Error("no more");
    const answer = world.connection.call({ case: "watchSessions", value: { $typeName: "remote.v1.WatchSessions" } });
    await expect(answer).rejects.toBeInstanceOf(CallError);
    expect(world.errors.length).toBe(1);
    expect(world.facts).toMatchObject({ failures: 1 });
    world.next();
    world.live();
  });

  it("waits when no socket can be made, and says why", async () => {
    const world = await open();
    world.refuses = new Error("mixed content");
    world.socket.die();
    expect(world.facts.phase).toBe("waiting");
    expect(world.facts.problem?.reason).toContain("mixed content");
    const ran = world.clock.advance(60_000);
    expect(ran).toBeLessThan(60);
    world.refuses = undefined;
    world.next();
    world.live();
    expect(world.facts.problem).toBeUndefined();
  });

  it("refuses what can never be connected to", async () => {
    for (const url of ["relay.example.org", "https://relay.example.org", "/v1/link", "wss://me:secret@relay.example.org"])
      await expect(World.open({ url })).rejects.toThrow(TypeError);
    await expect(World.open({ token: "x".repeat(10_000) })).rejects.toThrow(RangeError);
  });

  it("waits as long as the relay asks, and at once when a person acts", async () => {
    const world = await open();
    world.live().goaway(1001, 20_000);
    expect(world.facts).toMatchObject({ phase: "waiting", failures: 1 });
    expect(world.facts.problem).toMatchObject({ code: 1001, reason: "so it is" });
    expect(world.facts.nextAttempt! - world.clock.wall()).toBeGreaterThanOrEqual(20_000);
    world.clock.advance(1000);
    expect(world.sockets.length).toBe(1);
    world.connection.probe();
    expect(world.sockets.length).toBe(2);
    expect(world.facts).toMatchObject({ phase: "connecting", nextAttempt: undefined });
  });

  it("is dead when it is refused for good, and lives again with another token", async () => {
    const world = await open({ token: "old" });
    const relay = new FakeRelay(world.socket);
    relay.welcome = () => relay.refuse(3001);
    world.socket.open();
    expect(world.facts).toMatchObject({ phase: "dead", nextAttempt: undefined });
    expect(world.facts.problem?.code).toBe(3001);
    expect(world.clock.waiting).toBe(0);
    world.clock.advance(100_000);
    world.connection.probe();
    expect(world.sockets.length).toBe(1);
    world.connection.setToken("new");
    expect(world.sockets.length).toBe(2);
    expect(world.facts).toMatchObject({ phase: "connecting", failures: 0, problem: undefined });
    world.live();
    world.connection.setToken("newer"); // also while it is live
    expect(world.facts.welcome).toBeUndefined();
    expect(world.sockets.length).toBe(3);
    expect(world.sockets[1]!.readyState).toBe(3);
    expect(() => world.connection.setToken("x".repeat(10_000))).toThrow(LinkError);
    expect(world.sockets.length).toBe(3); // the former one stays
    expect(world.socket.readyState).toBe(0);
  });

  it("notices a dead network: within 10 s while somebody looks, within 25 otherwise, within 4 when asked", async () => {
    for (const [visible, probe, most] of [[true, false, 10_100], [false, false, 25_100], [false, true, 4_100]] as const) {
      const world = await open();
      world.connection.setVisible(visible);
      const relay = world.live();
      relay.answersPing = false;
      if (probe) world.connection.probe();
      expect(world.facts.probing).toBe(probe);
      world.clock.advance(most - 200);
      expect(world.facts.phase).toBe("live");
      world.clock.advance(200);
      expect(world.facts.phase).not.toBe("live");
      expect(world.facts).toMatchObject({ probing: false, problem: { code: 1002 } });
    }
  });

  it("says when a probe was answered", async () => {
    const world = await open();
    const relay = world.live();
    world.connection.probe();
    expect(world.told.slice(-2).map(({ probing }) => probing)).toEqual([true, false]);
    relay.answersPing = false;
    world.clock.advance(2_000);
    world.connection.probe();
    expect(world.facts.probing).toBe(true);
  });

  it("never says of a probe that nobody answers that it was answered", async () => {
    const world = await open();
    const relay = world.live();
    relay.answersPing = false;
    world.clock.advance(2_000);
    world.connection.probe();
    const before = world.told.length;
    world.clock.advance(5_000);
    const told = world.told.slice(before);
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter(({ phase, probing }) => phase === "live" && !probing)).toEqual([]);
  });

  it("closes once and for all, from wherever", async () => {
    const world = await open();
    const relay = world.live([titled("one")]);
    const session = world.connection.follow(SESSION);
    const history = world.connection.history(SESSION);
    expect(session.synced).toBe(true);
    const page = history.read({ ...session.position, offset: 0 + 1 }, 10);
    const news: SessionNews["kind"][] = [];
    session.onNews((one) => {
      news.push(one.kind);
      if (one.kind === "event") world.connection.close();
    });
    const answer = world.connection.call({ case: "watchSessions", value: { $typeName: "remote.v1.WatchSessions" } });
    relay.publish(titled("two"), titled("three"));
    expect(news).toEqual(["event", "closed"]); // in the middle of a block
    await expect(answer).rejects.toBeInstanceOf(CallError);
    await expect(page).rejects.toThrow("closed");
    expect(relay.frames.at(-1)!.type).toBe(FrameType.GOAWAY);
    expect(world.socket.closedWith).toBe(1000);
    expect(world.facts).toMatchObject({ phase: "closed", nextAttempt: undefined, welcome: undefined });
    expect(world.clock.waiting).toBe(0);
    // Nothing of it reaches into memory that is no longer its own.
    world.connection.close();
    world.connection.probe();
    world.connection.setVisible(true);
    world.connection.setToken("x");
    expect(session.pending).toBe(0);
    expect(session.position.offset).toBe(0);
    expect(session.command("00".repeat(16))).toBeUndefined();
    session.close();
    history.close();
    expect(() => session.submit({ case: "cancelTurn", value: {} })).toThrow(LinkError);
    expect(() => world.connection.follow(SESSION)).toThrow(LinkError);
    expect(() => world.connection.history(SESSION)).toThrow(LinkError);
    await expect(history.read(session.position, 1)).rejects.toThrow(LinkError);
    await expect(world.connection.call({ case: "watchSessions", value: { $typeName: "remote.v1.WatchSessions" } })).rejects.toBeInstanceOf(CallError);
    expect(world.errors).toEqual([]);
  });

  it("lets listeners throw", async () => {
    const world = await open();
    world.connection.onChange(() => {
      throw new Error("a page's");
    });
    const relay = world.live([titled("one")]);
    const session = world.connection.follow(SESSION);
    const seen: number[] = [];
    session.onNews(() => {
      throw new Error("a session's");
    });
    session.onNews((news) => news.kind === "event" && seen.push(news.offset));
    relay.publish(titled("two"), titled("three"));
    expect(seen).toEqual([1, 2]);
    expect(world.errors.map(String)).toContain("Error: a session's");
    expect(world.errors.map(String)).toContain("Error: a page's");
    expect(world.facts.phase).toBe("live");
    expect(world.clock.waiting).toBeGreaterThan(0);
  });

  it("takes INFO that nobody can decode for none", async () => {
    const world = await open();
    const relay = world.live();
    const session = world.connection.follow(SESSION);
    const kinds: string[] = [];
    session.onNews(({ kind }) => kinds.push(kind));
    relay.info(new Uint8Array([0x0a, 0x7f, 1]));
    relay.publish(titled("still"));
    expect(kinds).toEqual(["event"]);
    expect(world.errors.length).toBe(1);
    expect(world.facts.phase).toBe("live");
  });
});

const watch = { case: "watchSessions", value: { $typeName: "remote.v1.WatchSessions" } } as const;

describe.skipIf(moduleMissing)("calls", () => {
  it("are answered in parts, until the last", async () => {
    const world = await open();
    const relay = world.live();
    const parts: boolean[] = [];
    const answer = world.connection.call(watch, (reply) => {
      parts.push(reply.more);
      throw new Error("what a listener throws does not end the call");
    });
    const { id } = relay.requests[0]!;
    relay.reply({ id, more: true, result: { case: "done", value: {} } });
    relay.reply({ id, more: false, result: { case: "done", value: {} } });
    expect((await answer).more).toBe(false);
    expect(parts).toEqual([true, false]);
  });

  it("fail with what the relay says, with a cut, and without a connection", async () => {
    const world = await open();
    await expect(world.connection.call(watch)).rejects.toMatchObject({ name: "CallError", problem: undefined });
    const relay = world.live();
    const refused = world.connection.call(watch);
    relay.reply({ id: relay.requests[0]!.id, result: { case: "problem", value: { code: 3002, reason: "no" } } });
    await expect(refused).rejects.toMatchObject({ problem: { code: 3002 } });
    const lost = world.connection.call(watch);
    world.socket.die();
    await expect(lost).rejects.toMatchObject({ name: "CallError", problem: undefined });
  });

  it("are 16 at most", async () => {
    const world = await open();
    world.live();
    const open16 = Array.from({ length: 16 }, () => world.connection.call(watch));
    await expect(world.connection.call(watch)).rejects.toThrow(LinkError);
    world.socket.die();
    expect((await Promise.allSettled(open16)).every(({ status }) => status === "rejected")).toBe(true);
  });

  it("end by a signal, which then holds nothing of them", async () => {
    const world = await open();
    const relay = world.live();
    const end = new AbortController();
    const answer = world.connection.call(watch, undefined, end.signal);
    end.abort();
    await expect(answer).rejects.toMatchObject({ name: "AbortError" });
    expect(relay.requests.at(-1)!.call).toMatchObject({ case: "cancel", value: { requestId: relay.requests[0]!.id } });
    await expect(world.connection.call(watch, undefined, end.signal)).rejects.toMatchObject({ name: "AbortError" });
    expect(relay.requests.length).toBe(2);
  });

  it("may be made from inside of what is told", async () => {
    const world = await open();
    const answers: Promise<unknown>[] = [];
    world.connection.onChange((facts) => {
      if (facts.phase === "live") answers.push(world.connection.call(watch).catch(() => {}));
    });
    const relay = world.live();
    expect(relay.requests.length).toBe(1); // sent in the same turn
    world.socket.die();
    await Promise.all(answers);
  });
});

describe.skipIf(moduleMissing)("a session", () => {
  it("takes commands from inside of its news, and closes there", async () => {
    const world = await open();
    const relay = world.live([titled("one")]);
    const session = world.connection.follow(SESSION);
    let command = "";
    session.onNews((news) => {
      if (news.kind === "event" && command === "") command = session.submit({ case: "submitPrompt", value: { text: "hello" } });
      else if (news.kind === "event") session.close();
    });
    relay.publish(titled("two"));
    expect(relay.frames.filter(({ type }) => type === FrameType.BLOCK).length).toBe(1);
    expect(session.command(command)?.state).toBe(CommandState.SENT);
    relay.publish(titled("three"), titled("four"));
    expect(session.pending).toBe(0);
    expect(relay.frames.filter(({ type }) => type === FrameType.CLOSE).length).toBe(2);
    expect(world.errors).toEqual([]);
  });

  it("folds much, and memory that grows breaks nothing", async () => {
    const world = await open();
    const relay = world.live();
    const session = world.connection.follow(SESSION);
    const { memory } = world.connection.endpoint.module.c;
    const before = memory.buffer;
    let events = 0;
    session.onNews((news) => events += news.kind === "event" ? 1 : 0);
    for (let i = 0; i < 8; i++) relay.publish(...Array.from({ length: 10 }, (_, n) => titled(`${i} ${n}`.repeat(20))));
    const upload = session.upload({ name: "large", type: "text/plain", bytes: new Uint8Array(8 << 20) });
    expect(memory.buffer).not.toBe(before);
    expect(events).toBe(80);
    expect(upload.progress.state).toBe(UploadState.RUNNING);
    session.close();
    expect(upload.progress.state).toBe(UploadState.CANCELLED);
  });

  it("does not grow the module while it goes on", async () => {
    const world = await open();
    const relay = world.live();
    const session = world.connection.follow(SESSION);
    const { memory } = world.connection.endpoint.module.c;
    const run = (): void => {
      for (let i = 0; i < 300; i++) {
        relay.publish(titled(`title ${i}`));
        relay.log.splice(0, relay.log.length, ...relay.log);
        session.moduleState();
      }
    };
    run();
    const settled = memory.buffer.byteLength;
    for (let i = 0; i < 5; i++) run();
    expect(memory.buffer.byteLength).toBe(settled);
  });
});

describe.skipIf(moduleMissing)("a module that fails", () => {
  it("ends the connection with a clear error, and only that one", async () => {
    const world = await open();
    const relay = world.live();
    const session = world.connection.follow(SESSION);
    const kinds: string[] = [];
    session.onNews(({ kind }) => kinds.push(kind));
    const answer = world.connection.call(watch);
    const { module } = world.connection.endpoint;
    expect(() => module.c.remote_sha256_add(0xfffffff0, 0xfffffff0, 0xff)).toThrow(ModuleError); // beyond its memory
    relay.publish(titled("one"));
    expect(world.facts).toMatchObject({ phase: "dead", problem: undefined });
    expect(world.facts.broken).toBeInstanceOf(ModuleError);
    expect(kinds).toEqual(["closed"]);
    await expect(answer).rejects.toBeInstanceOf(CallError);
    expect(world.clock.waiting).toBe(0);
    expect(world.socket.readyState).toBe(3);
    expect(session.pending).toBe(0);
    expect(() => session.submit({ case: "cancelTurn", value: {} })).toThrow();
    world.connection.probe();
    world.connection.close();
    expect(world.facts.phase).toBe("dead");
    const other = await open();
    other.live();
    expect(other.facts.phase).toBe("live");
  });
});
