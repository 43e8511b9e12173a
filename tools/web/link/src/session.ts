/**
 * A session that is followed: its events in order and once, its facts, and this client's commands until their outcome is
 * known. What counts (positions, resuming, jumps, the outbox) happens in the module (libremote/include/remote/client.h);
 * here messages are decoded and told.
 */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Listeners } from "./carrier.js";
import type { Connection } from "./connection.js";
import { ClientEvent, EventFlag, type CommandFacts, type EndpointEvent, type Position } from "./endpoint.js";
import type { Rider } from "./facts.js";
import {
  CommandSchema, EventSchema, LogStatusSchema, ProblemSchema, SessionInfoSchema, SessionStateSchema,
  type Event, type LogStatus, type Problem, type SessionInfo, type SessionState,
} from "./messages.js";
import { ModuleError } from "./module.js";
import { Upload } from "./upload.js";
import { View } from "./view/view.js";

export interface SessionOptions {
  /** Where to go on; absent: from a snapshot. */
  from?: Position;
  /** Follow that far only. */
  until?: number;
  /** Commands are sent, too. Initially true. */
  publish?: boolean;
}

/** What a session tells, in order. */
export type SessionNews =
  | { kind: "event"; offset: number; event: Event; raw: Uint8Array }
  | { kind: "tail"; event: Event }
  /** What tails had added is taken back; durable events say it again. */
  | { kind: "tail-cleared" }
  /** The state is this one now; events between the last told and `offset` can only be had by History. */
  | { kind: "snapshot"; offset: number; state: SessionState }
  /** What was told no longer counts: another epoch begins, or the log goes on elsewhere and no snapshot is there. */
  | { kind: "reset"; offset: number; epoch: Uint8Array }
  /** All that was there when it was opened has been told. */
  | { kind: "synced"; offset: number }
  | { kind: "status"; status: LogStatus }
  | { kind: "info"; info: SessionInfo }
  | { kind: "command"; id: string; facts: CommandFacts }
  /** Not to be had; `final`: it will not come back by itself. */
  | { kind: "closed"; problem: Problem; final: boolean }
  | { kind: "done" };

export const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
export function unhex(text: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new RangeError("not hex");
  return Uint8Array.from(text.match(/../g) ?? [], (two) => parseInt(two, 16));
}

export class Session implements Rider {
  readonly id: Uint8Array;
  readonly handle: number;
  readonly connection: Connection;
  #listeners: Listeners<SessionNews>;
  #status: LogStatus | undefined;
  #synced = false;
  #closed = false;

  constructor(connection: Connection, id: Uint8Array, options: SessionOptions) {
    this.connection = connection;
    this.id = id;
    this.#listeners = new Listeners(connection.report);
    this.handle = connection.endpoint.openClient(id, options, connection.clock.now());
  }

  /** Told everything from now on; returns what ends it. Whoever wants all of it listens before the next turn of events. */
  onNews(listener: (news: SessionNews) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** The newest facts; absent: none yet. */
  get status(): LogStatus | undefined {
    return this.#status;
  }
  get synced(): boolean {
    return this.#synced;
  }
  get position(): Position {
    return this.connection.endpoint.position(this.handle);
  }
  /** Commands without an outcome. */
  get pending(): number {
    return this.connection.endpoint.pending(this.handle);
  }

  /**
   * Puts a command into the outbox and returns its id; its states come as news. ttlMs 0: for ever (cancel and steer
   * have 60 s). Throws LinkError: BUSY (64 have no outcome), STATE (nothing is known of the session yet), TOO_LARGE.
   */
  submit(command: MessageInitShape<typeof CommandSchema>["body"], ttlMs = 0): string {
    const bytes = toBinary(CommandSchema, create(CommandSchema, { body: command as never }));
    const id = hex(this.connection.endpoint.submit(this.handle, bytes, ttlMs, this.connection.clock.now()));
    this.#tell({ kind: "command", id, facts: this.command(id)! });
    this.connection.wake();
    return id;
  }

  /** Where a command of this session object stands; absent: not one of its, or older than the last 256. */
  command(id: string): CommandFacts | undefined {
    return this.connection.endpoint.command(this.handle, unhex(id));
  }

  /**
   * An attachment on its way to the host. A prompt may name its id as soon as its state is SENT: commands keep their
   * order, and a prompt before the last chunk would name what the host does not have.
   */
  upload(file: { name: string; type: string; bytes: Uint8Array }): Upload {
    const upload = new Upload(this, file, crypto.getRandomValues(new Uint8Array(16)));
    this.connection.add(upload);
    this.connection.wake();
    return upload;
  }

  /** The state as libremote's own reducer folds it. */
  moduleState(): SessionState {
    return fromBinary(SessionStateSchema, this.connection.endpoint.clientView(this.handle).state());
  }

  /** The same without tails: where a view goes on after a jump. */
  #durableState(): SessionState {
    const view = new View();
    this.connection.endpoint.clientView(this.handle).snapshot()
      .forEach((message, i) => view.apply(fromBinary(EventSchema, message), i === 0));
    return view.state;
  }

  /** Ends it here; commands without an outcome go with it, and its uploads end. The session itself goes on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#synced = false;
    this.connection.remove(this);
    this.connection.endpoint.closeClient(this.handle);
    this.connection.wake();
  }

  /** The connection has ended. */
  over(error: Error): void {
    this.#closed = true;
    this.#synced = false;
    this.#listeners.tell({ kind: "closed", problem: create(ProblemSchema, { code: 0, reason: error.message }), final: true });
  }

  #tell(news: SessionNews): void {
    if (!this.#closed) this.#listeners.tell(news);
  }

  /** For the connection. */
  take(event: EndpointEvent): void {
    try {
      this.#take(event);
    } catch (error) {
      if (error instanceof ModuleError) throw error;
      this.connection.report(error); // INFO is a host's, and nobody before us has read it
    }
  }

  #take(event: EndpointEvent): void {
    // The module's view was emptied, and no snapshot says so: what is told from here on is not the whole.
    if (event.type !== ClientEvent.SNAPSHOT && event.flags & EventFlag.RESET)
      this.#tell({ kind: "reset", offset: event.offset, epoch: this.position.epoch });
    switch (event.type) {
      case ClientEvent.EVENT:
        this.#tell({ kind: "event", offset: event.offset, event: fromBinary(EventSchema, event.data), raw: event.data });
        break;
      case ClientEvent.TAIL:
        this.#tell({ kind: "tail", event: fromBinary(EventSchema, event.data) });
        break;
      case ClientEvent.TAIL_CLEARED:
        this.#tell({ kind: "tail-cleared" });
        break;
      case ClientEvent.SNAPSHOT:
        if (event.flags & EventFlag.RESET) this.#tell({ kind: "reset", offset: event.offset, epoch: event.id });
        else this.#tell({ kind: "snapshot", offset: event.offset, state: this.#durableState() });
        break;
      case ClientEvent.SYNCED:
        this.#synced = true;
        this.#tell({ kind: "synced", offset: event.offset });
        break;
      case ClientEvent.STATUS:
        this.#status = fromBinary(LogStatusSchema, event.data);
        this.#tell({ kind: "status", status: this.#status });
        break;
      case ClientEvent.INFO:
        this.#tell({ kind: "info", info: fromBinary(SessionInfoSchema, event.data) });
        break;
      case ClientEvent.COMMAND: {
        const facts = this.connection.endpoint.command(this.handle, event.id);
        if (facts) this.#tell({ kind: "command", id: hex(event.id), facts });
        break;
      }
      case ClientEvent.CLOSED: {
        const problem = fromBinary(ProblemSchema, event.data);
        this.#synced = false;
        this.#tell({ kind: "closed", problem, final: !this.connection.endpoint.codeReconnects(problem.code) });
        break;
      }
      case ClientEvent.DONE:
        this.#tell({ kind: "done" });
        break;
    }
  }
}
