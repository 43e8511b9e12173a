/** Pages of a session's past, through bounded OPENs (libremote/include/remote/history.h). */
import { fromBinary } from "@bufbuild/protobuf";
import type { Connection } from "./connection.js";
import { EventFlag, HistoryEvent, type EndpointEvent, type Position } from "./endpoint.js";
import type { Rider } from "./facts.js";
import { EventSchema, ProblemSchema, type Event, type Problem } from "./messages.js";

/** An event at its place. `raw` is the message as it came: what digests are made of. */
export interface PastEvent {
  offset: number;
  event: Event;
  raw: Uint8Array;
}

export interface Page {
  events: PastEvent[];
  /** Where the page really began; what lies before is the next page. */
  from: number;
  /** Nothing lies before it any more. */
  first: boolean;
  /** `first`, because the log was trimmed there. */
  trimmed: boolean;
  /** Offsets that could not be read. */
  unreadable: number;
}

export class HistoryError extends Error {
  /** 2001: another epoch has begun; 2002: trimmed away. */
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.reason}`);
    this.name = "HistoryError";
    this.problem = problem;
  }
}

interface Waiting {
  page: Page;
  resolve(page: Page): void;
  reject(error: Error): void;
}

export class History implements Rider {
  readonly handle: number;
  #connection: Connection;
  #waiting: Waiting | undefined;
  #closed = false;

  constructor(connection: Connection, sessionId: Uint8Array) {
    this.#connection = connection;
    this.handle = connection.endpoint.openHistory(sessionId);
  }

  /**
   * The page of at most `count` offsets before `before`. One at a time: a second fails with LinkError STATE. It waits
   * through cuts of the network; HistoryError when the log says no.
   */
  read(before: Position, count: number): Promise<Page> {
    return new Promise((resolve, reject) => {
      try {
        this.#connection.endpoint.readHistory(this.handle, before, count, this.#connection.clock.now());
      } catch (error) {
        reject(error as Error);
        return;
      }
      this.#waiting = { page: { events: [], from: before.offset, first: false, trimmed: false, unreadable: 0 }, resolve, reject };
      this.#connection.wake();
    });
  }

  /** Gives up the page that is awaited: its promise fails. */
  cancel(): void {
    this.#connection.endpoint.cancelHistory(this.handle);
    this.#settle()?.reject(new Error("the page was given up"));
  }

  /** The connection has ended. */
  over(error: Error): void {
    this.#closed = true;
    this.#settle()?.reject(error);
  }

  /** Who waits; nobody any more. */
  #settle(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.cancel();
    this.#connection.remove(this);
    this.#connection.endpoint.closeHistory(this.handle);
    this.#connection.wake();
  }

  /** For the connection. */
  take(event: EndpointEvent): void {
    const page = this.#waiting?.page;
    if (!page) return;
    switch (event.type) {
      case HistoryEvent.EVENT:
        page.events.push({ offset: event.offset, event: fromBinary(EventSchema, event.data), raw: event.data });
        break;
      case HistoryEvent.PASSED:
        if (event.flags & EventFlag.UNREADABLE) page.unreadable += event.count;
        break;
      case HistoryEvent.DONE:
        page.from = event.offset;
        page.first = (event.flags & EventFlag.FIRST) !== 0;
        page.trimmed = (event.flags & EventFlag.TRIMMED) !== 0;
        this.#settle()?.resolve(page);
        break;
      case HistoryEvent.FAILED:
        this.#settle()?.reject(new HistoryError(fromBinary(ProblemSchema, event.data)));
        break;
    }
  }
}
