/**
 * A connection to a relay: an Endpoint on WebSockets that come and go. The endpoint says when to try again, when to
 * probe and when a network is dead; here are only the socket, the clock and the turn.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import { Calls, type CallBody } from "./calls.js";
import { bytesOf, checkedUrl, Listeners, realClock, realSocket, toConsole, type Clock, type Report, type Socket } from "./carrier.js";
import { Endpoint, LinkEvent, LinkState, type EndpointEvent } from "./endpoint.js";
import type { ConnectionFacts, ConnectionOptions, Rider } from "./facts.js";
import { Module, ModuleError } from "./module.js";
import { ProblemSchema, WelcomeSchema } from "./messages.js";
import type { Problem, Reply } from "./messages.js";
import { History } from "./history.js";
import { Session, type SessionOptions } from "./session.js";

/** How much may lie in the socket before no more is made for it. */
const BUFFERED_BYTES_MAX = 512 * 1024;
const BUFFERED_LOOK_MS = 20;
const CONNECT_MS_MAX = 10_000;
const MESSAGE_BYTES_MAX = 1 << 20;
/** What clocks are put right by little by little is no news. */
const CLOCK_MS_MIN = 1_000;
/** Turns at a time, when listeners bring ever more; then others have their turn. */
const TURNS_MAX = 16;

const nothing = (): void => {};

export class Connection {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  /** What listeners throw goes there. */
  readonly report: Report;
  #options: ConnectionOptions;
  #socket: Socket | undefined;
  #cancelTimer: () => void = nothing;
  #cancelConnect: () => void = nothing;
  #facts: ConnectionFacts;
  #listeners: Listeners<ConnectionFacts>;
  #riders = new Map<number, Rider>();
  #calls: Calls;
  #visible = true;
  #pumping = false;
  #again = false;
  #over = false;
  #heardSeen = 0;
  /** The device's clock less the one that only runs. */
  #skew: number;

  private constructor(endpoint: Endpoint, options: ConnectionOptions) {
    this.endpoint = endpoint;
    this.clock = options.clock ?? realClock;
    this.report = options.onError ?? toConsole;
    this.#options = options;
    this.#listeners = new Listeners(this.report);
    this.#calls = new Calls(endpoint, this.report);
    this.#skew = this.clock.wall() - this.clock.now();
    this.#facts = { phase: "waiting", since: this.clock.wall(), failures: 0, clockOffset: 0, probing: false };
  }

  /**
   * Begins to connect. Throws when the module cannot be had, or when the options can never lead to a connection; a relay
   * that cannot be reached is tried again.
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    checkedUrl(options.url);
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
    return this.#listeners.add(listener);
  }

  // ---- what a page does ----

  /** Is a byte heard within 4 s? Between attempts: tries at once. After waking, on "online", when a person asks. */
  probe(): void {
    this.#do(() => {
      if (this.#socket && this.#facts.phase === "live") this.#say({ probing: true });
      this.endpoint.probe(this.clock.now());
    });
  }

  /** While somebody looks a dead network is noticed within 10 s instead of 25. Initially true. */
  setVisible(visible: boolean): void {
    this.#visible = visible;
    this.#do(() => {
      if (this.#facts.phase === "live") this.endpoint.watch(visible, this.clock.now());
    });
  }

  /**
   * To be called now and then (each second, while a page is looked at): when the device's clock was set back, what is told by it
   * goes along; by how much, ms. Set ahead it cannot be told from a machine that slept, and stays: it says too much time, never too little.
   */
  lookAtClock(): number {
    const skew = this.clock.wall() - this.clock.now();
    const by = skew - this.#skew;
    this.#skew = by > -CLOCK_MS_MIN ? Math.max(skew, this.#skew) : skew;
    if (by > -CLOCK_MS_MIN) return 0;
    const facts = { ...this.#facts, since: this.#facts.since + by, clockOffset: this.#facts.clockOffset - by };
    for (const name of ["lastHeard", "nextAttempt"] as const) if (facts[name] !== undefined) facts[name] += by;
    this.#listeners.tell((this.#facts = facts));
    return by;
  }

  /** Another token, or none (the carrier's own sign-in); it connects anew at once, also when it was dead. */
  setToken(token: string): void {
    if (this.#over) return;
    this.endpoint.setToken(token, this.clock.now()); // throws when it is too long: then the former one stays
    this.#drop();
    this.endpoint.probe(this.clock.now());
    this.#down({ problem: undefined, failures: 0 });
    this.#pump();
  }

  /** Says goodbye and ends for good: calls and pages that were waited for fail, uploads end. */
  close(): void {
    if (this.#over) return;
    try {
      this.endpoint.goaway(0, this.clock.now());
      this.#flush();
    } catch (error) {
      this.report(error);
    }
    this.#end({ phase: "closed" }, new Error("the connection was closed"));
    this.endpoint.destroy();
  }

  /**
   * Calls the relay; `onReply` is told each reply, the last one has `more` false. Rejects with CallError; with LinkError
   * BUSY when 16 are open. Ends a watch: `signal`. Only while connected: whoever wants an answer in spite of a cut calls
   * again when it is live.
   */
  call(call: CallBody, onReply?: (reply: Reply) => void, signal?: AbortSignal): Promise<Reply> {
    return this.#calls.call(call, () => this.clock.now(), () => this.#pump(), onReply, signal);
  }

  /** Follows a session. Throws LinkError: 32 are followed already, or the connection has ended. */
  follow(sessionId: Uint8Array, options: SessionOptions = {}): Session {
    const session = new Session(this, sessionId, options);
    this.add(session);
    this.#pump();
    return session;
  }

  /** Pages of a session's past. Throws as follow(). */
  history(sessionId: Uint8Array): History {
    const history = new History(this, sessionId);
    this.add(history);
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
    this.#listeners.tell(this.#facts);
  }

  #wallOf(now: number): number {
    return this.clock.wall() - this.clock.now() + now;
  }

  /** There is no carrier; when there will be. In one word: nobody may see "live" and "no longer probing" of a relay that is silent. */
  #down(change: Partial<ConnectionFacts>): void {
    const dead = this.endpoint.state === LinkState.DEAD;
    this.#say({
      ...change, phase: dead ? "dead" : "waiting", nextAttempt: dead ? undefined : this.#wallOf(this.endpoint.attempt),
      probing: false, welcome: undefined,
    });
  }

  // ---- the socket ----

  #connect(): void {
    let socket: Socket;
    try {
      socket = (this.#options.socket ?? realSocket)(this.#options.url, "remote.v1");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#failed(create(ProblemSchema, { code: 1002, reason: `no socket could be made: ${reason}` }));
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.#cancelConnect = this.clock.after(CONNECT_MS_MAX, () => {
      if (socket === this.#socket) this.#do(() => this.#failed());
    });
    const mine = (work: (event: never) => void) => (event: never) => {
      if (socket === this.#socket) this.#do(() => work(event));
    };
    socket.onopen = mine(() => {
      this.#cancelConnect();
      this.endpoint.attach(this.clock.now());
      this.#say({ phase: "greeting" });
    });
    socket.onmessage = mine((event) => this.#heard((event as { data: unknown }).data));
    socket.onclose = socket.onerror = mine(() => this.#failed());
    this.#say({ phase: "connecting", nextAttempt: undefined });
  }

  #heard(data: unknown): void {
    const bytes = bytesOf(data);
    // A relay sends neither text nor so much; of the close codes of A.19 a page may use none.
    if (!bytes || bytes.length > MESSAGE_BYTES_MAX) this.#failed();
    else this.endpoint.feed(bytes, this.clock.now());
  }

  /** Lets the socket go; what still comes from it is nobody's. */
  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#cancelConnect();
    if (!socket) return;
    // Not null: some sockets throw what nobody listens to.
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = nothing;
    try {
      socket.close(1000);
    } catch {
      // it was never open
    }
    this.endpoint.detach(this.clock.now());
    this.#calls.lost();
  }

  /** The carrier is lost, or an attempt has failed. */
  #failed(problem = this.#facts.problem): void {
    if (this.#socket) this.#drop();
    else this.endpoint.detach(this.clock.now());
    this.#down({ problem, failures: this.#facts.failures + 1 });
  }

  // ---- one turn ----

  /** Work on the endpoint from outside, then a turn. What goes wrong is the carrier's fault, or the module's end. */
  #do(work: () => void): void {
    if (this.#over) return;
    try {
      work();
    } catch (error) {
      this.#wrong(error);
    }
    this.#pump();
  }

  #wrong(error: unknown): void {
    if (this.#over) return;
    this.report(error);
    try {
      if (!(error instanceof ModuleError)) return this.#failed();
    } catch (again) {
      this.report(again);
    }
    const broken = error instanceof Error ? error : new Error(String(error));
    this.#end({ phase: "dead", broken, problem: undefined }, broken);
  }

  /** Nothing comes any more, and no timer is left behind. */
  #end(change: Partial<ConnectionFacts>, error: Error): void {
    this.#over = true;
    const riders = [...this.#riders.values()];
    this.#riders.clear();
    try {
      this.#drop();
    } catch {
      // the module's end has been told
    }
    this.#cancelTimer();
    this.#calls.lost();
    for (const rider of riders) rider.over(error);
    this.#say({ ...change, nextAttempt: undefined, welcome: undefined, probing: false });
  }

  /** Turns until nothing is left to do. What is put into the endpoint meanwhile has its turn, too. */
  #pump(): void {
    this.#again = true;
    if (this.#pumping || this.#over) return;
    this.#pumping = true;
    for (let turns = 0; turns < TURNS_MAX && this.#again && !this.#over; turns++) {
      this.#again = false;
      try {
        this.#turn();
      } catch (error) {
        this.#again = true;
        this.#wrong(error);
      }
    }
    this.#pumping = false;
    this.#schedule();
  }

  #turn(): void {
    const now = this.clock.now();
    if (this.endpoint.deadline <= now) this.endpoint.expire(now);
    for (let event = this.endpoint.next(); event; event = this.endpoint.next()) {
      if (event.source === 0) this.#take(event);
      else this.#riders.get(event.source)?.take(event);
      if (this.#over) return;
    }
    for (const rider of [...this.#riders.values()]) {
      rider.turn?.(now);
      if (this.#over) return;
    }
    if (this.#flush()) this.#again = true; // that commands were sent is news
    const heard = this.endpoint.heard;
    if (heard !== 0 && heard !== this.#heardSeen) {
      this.#heardSeen = heard;
      this.#facts = { ...this.#facts, lastHeard: this.#wallOf(heard) };
    }
    if (this.endpoint.state === LinkState.DOWN && !this.#socket && this.endpoint.attempt <= now) this.#connect();
  }

  /** True: something was sent. */
  #flush(): boolean {
    const socket = this.#socket;
    if (!socket || socket.readyState !== 1) return false;
    let sent = false;
    while (socket.bufferedAmount < BUFFERED_BYTES_MAX) {
      const piece = this.endpoint.outgoing(this.clock.now());
      if (!piece) break;
      try {
        socket.send(piece);
      } catch (error) {
        this.report(error);
        this.#failed();
        break;
      }
      sent = true;
    }
    return sent;
  }

  #schedule(): void {
    this.#cancelTimer();
    if (this.#over) return;
    const now = this.clock.now();
    let due = Math.min(this.endpoint.deadline, this.#socket ? Infinity : this.endpoint.attempt, this.#again ? now : Infinity);
    if (this.#socket && this.#socket.bufferedAmount >= BUFFERED_BYTES_MAX) due = Math.min(due, now + BUFFERED_LOOK_MS);
    if (due !== Infinity) this.#cancelTimer = this.clock.after(Math.ceil(Math.max(due - now, 0)), () => this.#pump());
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
      case LinkEvent.REPLY:
        if (!this.#calls.take(event.data)) this.#failed(create(ProblemSchema, { code: 4001, reason: "a reply cannot be decoded" }));
        break;
      case LinkEvent.HEARD:
        this.#say({ probing: false });
        break;
      case LinkEvent.SILENT:
        this.#parted(create(ProblemSchema, { code: 1002, reason: "nothing was heard from the relay" }));
        break;
      case LinkEvent.REFUSED:
      case LinkEvent.GOAWAY:
      case LinkEvent.GOAWAY_SENT:
        this.#parted(fromBinary(ProblemSchema, event.data));
        break;
    }
  }

  /** After the last words, ours or the relay's. */
  #parted(problem: Problem): void {
    this.#flush();
    this.#failed(problem);
  }
}
