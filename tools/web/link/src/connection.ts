/**
 * A connection to a relay: an Endpoint on WebSockets that come and go. The endpoint says when to try again, when to
 * probe and when a network is dead; here are only the socket, the clock and the calls.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Endpoint, ErrorCode, LinkError, LinkEvent, LinkState, type EndpointEvent, type Position } from "./endpoint.js";
import { Module } from "./module.js";
import { ProblemSchema, ReplySchema, RequestSchema, WelcomeSchema } from "./messages.js";
import type { Problem, Reply, Request, Welcome } from "./messages.js";
import { History } from "./history.js";
import { Session, type SessionOptions } from "./session.js";

/** Time, so that tests can have their own. `now`: monotonic ms above 0; `wall`: Unix ms. */
export interface Clock {
  now(): number;
  wall(): number;
  after(ms: number, run: () => void): () => void;
}

export const realClock: Clock = {
  now: () => performance.now() + 1,
  wall: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), 0x7fffffff));
    return () => clearTimeout(timer);
  },
};

/** What is used of a WebSocket. */
export interface Socket {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

export interface ConnectionOptions {
  /** ws: or wss:, with the path: wss://relay.example.org/v1/link. */
  url: string;
  /** The compiled module (WebAssembly.compileStreaming). */
  module: WebAssembly.Module;
  /** e.g. "web/0.1.0". */
  agent: string;
  /** A device's token; absent: the carrier says who we are (the page's cookie), or nobody is signed in. */
  token?: string;
  clock?: Clock;
  socket?: (url: string, protocol: string) => Socket;
  /** 32 random bytes; absent: from crypto. */
  random?: Uint8Array;
  grease?: boolean;
}

/**
 * waiting: between attempts; connecting: a socket is on its way; greeting: HELLO is out; live; dead: a person must act
 * (`problem`); closed: close() was called.
 */
export type Phase = "waiting" | "connecting" | "greeting" | "live" | "dead" | "closed";

export interface ConnectionFacts {
  phase: Phase;
  /** Since when, Unix ms. */
  since: number;
  /** waiting: when it is tried again, Unix ms. */
  nextAttempt?: number;
  /** When the last byte of the relay came, Unix ms. */
  lastHeard?: number;
  /** Attempts that failed since it was last live. */
  failures: number;
  /** Why it is not live: what the relay said, or what the link found (1002: nothing heard). */
  problem?: Problem;
  /** live: who we are, limits, the relay's clock. */
  welcome?: Welcome;
  /** Our clock plus this is the relay's, ms. */
  clockOffset: number;
  /** A probe is out and has not been answered. */
  probing: boolean;
}

/** A call of the relay failed; `problem` absent: the carrier went away before the answer. */
export class CallError extends Error {
  readonly problem: Problem | undefined;
  constructor(problem?: Problem) {
    super(problem ? `${problem.code}: ${problem.reason}` : "the connection was lost before the answer came");
    this.name = "CallError";
    this.problem = problem;
  }
}

interface Call {
  reply(reply: Reply): void;
  lost(): void;
}

/** How much may lie in the socket before no more is made for it. */
const BUFFERED_BYTES_MAX = 512 * 1024;
const CONNECT_MS_MAX = 10_000;
const MESSAGE_BYTES_MAX = 1 << 20;

/** What a connection carries: sessions, histories, uploads. */
export interface Rider {
  readonly handle: number;
  take(event: EndpointEvent): void;
  /** After each turn: what the endpoint's state has come to (uploads read on). */
  turn?(now: number): void;
}

export class Connection {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  #options: ConnectionOptions;
  #socket: Socket | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelConnect: (() => void) | undefined;
  #facts: ConnectionFacts;
  #listeners = new Set<(facts: ConnectionFacts) => void>();
  #riders = new Map<number, Rider>();
  #calls = new Map<number, Call>();
  #nextCall = 1;
  #visible = true;
  #pumping = false;
  #closed = false;
  #heardSeen = 0;

  private constructor(endpoint: Endpoint, options: ConnectionOptions) {
    this.endpoint = endpoint;
    this.clock = options.clock ?? realClock;
    this.#options = options;
    this.#facts = { phase: "waiting", since: this.clock.wall(), failures: 0, clockOffset: 0, probing: false };
  }

  /** Begins to connect. Throws only when the module cannot be had; a relay that cannot be reached is tried again. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const random = options.random ?? crypto.getRandomValues(new Uint8Array(32));
    const module = await Module.instantiate(options.module);
    const endpoint = new Endpoint(module, {
      random, agent: options.agent, token: options.token ?? "", grease: options.grease ?? true,
    });
    const connection = new Connection(endpoint, options);
    connection.#pump();
    return connection;
  }

  get facts(): ConnectionFacts {
    return this.#facts;
  }

  /** Told at each change of the facts; returns what ends it. */
  onChange(listener: (facts: ConnectionFacts) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // ---- what a page does ----

  /** Is a byte heard within 4 s? Between attempts: tries at once. After waking, on "online", when a person asks. */
  probe(): void {
    if (this.#closed) return;
    if (this.#socket && this.#facts.phase === "live") this.#say({ probing: true });
    this.endpoint.probe(this.clock.now());
    this.#pump();
  }

  /** While somebody looks a dead network is noticed within 10 s instead of 25. */
  setVisible(visible: boolean): void {
    this.#visible = visible;
    if (this.#facts.phase === "live") this.endpoint.watch(visible, this.clock.now());
    this.#pump();
  }

  /** Another token, or none (the carrier's own sign-in); a dead connection tries again at once. */
  setToken(token: string): void {
    this.#drop();
    this.endpoint.setToken(token, this.clock.now());
    this.#pump();
  }

  /** Says goodbye and ends for good. */
  close(): void {
    if (this.#closed) return;
    this.endpoint.goaway(0, this.clock.now());
    this.#flush();
    this.#closed = true;
    this.#drop();
    this.#cancelTimer?.();
    this.#say({ phase: "closed" });
    this.endpoint.destroy();
  }

  /**
   * Calls the relay; `onReply` is told each reply, the last one has `more` false. Rejects with CallError. Ends a watch:
   * `signal`.
   */
  call(call: Request["call"], onReply?: (reply: Reply) => void, signal?: AbortSignal): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const id = this.#nextCall++;
      const bytes = toBinary(RequestSchema, create(RequestSchema, { id, call }));
      const result = this.endpoint.request(bytes, id, this.clock.now());
      if (result < 0) {
        reject(result === ErrorCode.STATE ? new CallError() : new LinkError("request", result));
        return;
      }
      this.#calls.set(id, {
        reply: (reply) => {
          if (reply.result.case === "problem") {
            this.#calls.delete(id);
            reject(new CallError(reply.result.value));
            return;
          }
          onReply?.(reply);
          if (reply.more) return;
          this.#calls.delete(id);
          resolve(reply);
        },
        lost: () => reject(new CallError()),
      });
      signal?.addEventListener("abort", () => {
        if (!this.#calls.delete(id)) return;
        reject(signal.reason);
        if (this.#facts.phase === "live")
          this.call({ case: "cancel", value: { $typeName: "remote.v1.CancelRequest", requestId: id } }).catch(() => {});
      }, { once: true });
      this.#pump();
    });
  }

  /** Follows a session. */
  follow(sessionId: Uint8Array, options: SessionOptions = {}): Session {
    const session = new Session(this, sessionId, options);
    this.#riders.set(session.handle, session);
    this.#pump();
    return session;
  }

  /** Pages of a session's past. */
  history(sessionId: Uint8Array): History {
    const history = new History(this, sessionId);
    this.#riders.set(history.handle, history);
    return history;
  }

  /** For the objects that stand on this connection. */
  add(rider: Rider): void {
    this.#riders.set(rider.handle, rider);
  }
  remove(rider: Rider): void {
    this.#riders.delete(rider.handle);
  }
  /** Something was put into the endpoint: send it. */
  wake(): void {
    this.#pump();
  }

  // ---- facts ----

  #say(change: Partial<ConnectionFacts>): void {
    const phase = change.phase ?? this.#facts.phase;
    const since = phase === this.#facts.phase ? this.#facts.since : this.clock.wall();
    this.#facts = { ...this.#facts, ...change, phase, since };
    for (const listener of [...this.#listeners]) listener(this.#facts);
  }

  #wallOf(now: number): number {
    return this.clock.wall() - this.clock.now() + now;
  }

  // ---- the socket ----

  #connect(): void {
    const make = this.#options.socket ?? ((url, protocol) => new WebSocket(url, protocol) as unknown as Socket);
    let socket: Socket;
    try {
      socket = make(this.#options.url, "remote.v1");
    } catch {
      this.#failed();
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.#say({ phase: "connecting", nextAttempt: undefined });
    this.#cancelConnect = this.clock.after(CONNECT_MS_MAX, () => {
      if (socket === this.#socket) this.#failed();
    });
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      this.#cancelConnect?.();
      this.endpoint.attach(this.clock.now());
      this.#say({ phase: "greeting" });
      this.#pump();
    };
    socket.onmessage = (event: never) => {
      if (socket !== this.#socket) return;
      this.#heard((event as { data: unknown }).data);
    };
    const gone = () => {
      if (socket === this.#socket) this.#failed();
    };
    socket.onclose = gone;
    socket.onerror = gone;
  }

  #heard(data: unknown): void {
    if (!(data instanceof ArrayBuffer) || data.byteLength > MESSAGE_BYTES_MAX) {
      this.#failed(); // not what a relay sends
      return;
    }
    this.endpoint.feed(new Uint8Array(data), this.clock.now());
    this.#pump();
  }

  /** Lets the socket go; what still comes from it is nobody's. */
  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#cancelConnect?.();
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    try {
      socket.close(1000);
    } catch {
      // it was never open
    }
    this.endpoint.detach(this.clock.now());
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.lost();
  }

  #failed(): void {
    const failures = this.#facts.failures + 1;
    if (this.#socket) this.#drop();
    else this.endpoint.detach(this.clock.now());
    this.#say({ phase: "waiting", nextAttempt: undefined, failures, probing: false, welcome: undefined });
    this.#pump();
  }

  // ---- one turn ----

  #pump(): void {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    try {
      this.#turn();
    } finally {
      this.#pumping = false;
    }
  }

  #turn(): void {
    const now = this.clock.now();
    if (this.endpoint.deadline <= now) this.endpoint.expire(now);
    for (let event = this.endpoint.next(); event; event = this.endpoint.next()) {
      if (event.source === 0) this.#take(event);
      else this.#riders.get(event.source)?.take(event);
      if (this.#closed) return;
    }
    for (const rider of [...this.#riders.values()]) rider.turn?.(now);
    this.#flush();
    const heard = this.endpoint.heard;
    if (heard > this.#heardSeen) {
      this.#heardSeen = heard;
      this.#facts = { ...this.#facts, lastHeard: this.#wallOf(heard) };
    }
    this.#settle(now);
    this.#schedule();
  }

  #flush(): void {
    const socket = this.#socket;
    if (!socket || socket.readyState !== 1) return;
    while (socket.bufferedAmount < BUFFERED_BYTES_MAX) {
      const piece = this.endpoint.outgoing(this.clock.now());
      if (!piece) break;
      socket.send(piece);
    }
  }

  #settle(now: number): void {
    const state = this.endpoint.state;
    if (state === LinkState.DEAD) {
      if (this.#facts.phase !== "dead") this.#say({ phase: "dead", nextAttempt: undefined });
      return;
    }
    if (state !== LinkState.DOWN || this.#socket) return;
    const attempt = this.endpoint.attempt;
    if (attempt <= now) {
      this.#connect();
    } else if (this.#facts.phase !== "waiting" || this.#facts.nextAttempt === undefined) {
      this.#say({ phase: "waiting", nextAttempt: this.#wallOf(attempt) });
    }
  }

  #schedule(): void {
    this.#cancelTimer?.();
    let due = Math.min(this.endpoint.deadline, this.#socket ? Infinity : this.endpoint.attempt);
    if (this.#socket && this.#socket.bufferedAmount >= BUFFERED_BYTES_MAX) due = Math.min(due, this.clock.now() + 20);
    if (due === Infinity) return;
    this.#cancelTimer = this.clock.after(Math.ceil(due - this.clock.now()), () => this.#pump());
  }

  #take(event: EndpointEvent): void {
    switch (event.type) {
      case LinkEvent.WELCOME: {
        const welcome = fromBinary(WelcomeSchema, event.data);
        const clockOffset = Number(welcome.serverTimeMs) - this.clock.wall();
        if (this.#visible) this.endpoint.watch(true, this.clock.now());
        this.#say({ phase: "live", welcome, clockOffset, failures: 0, problem: undefined, nextAttempt: undefined });
        break;
      }
      case LinkEvent.REPLY: {
        const reply = fromBinary(ReplySchema, event.data);
        this.#calls.get(reply.id)?.reply(reply);
        break;
      }
      case LinkEvent.HEARD:
        this.#say({ probing: false });
        break;
      case LinkEvent.SILENT:
        this.#over(create(ProblemSchema, { code: 1002, reason: "nothing was heard from the relay" }));
        break;
      case LinkEvent.REFUSED:
      case LinkEvent.GOAWAY:
      case LinkEvent.GOAWAY_SENT:
        this.#over(fromBinary(ProblemSchema, event.data));
        break;
    }
  }

  #over(problem: Problem): void {
    this.#flush();
    this.#drop();
    // In one word: nobody may see "live" and "no longer probing" of a relay that has not answered.
    this.#say({ phase: "waiting", nextAttempt: undefined, problem, probing: false, welcome: undefined, failures: this.#facts.failures + 1 });
  }
}

export type { Position };
