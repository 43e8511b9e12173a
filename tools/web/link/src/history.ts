/** Pages of a session's past, through bounded OPENs (libremote/include/remote/history.h). */
import { fromBinary } from "@bufbuild/protobuf";
import type { Connection, Rider } from "./connection.js";
import { EventFlag, HistoryEvent, type EndpointEvent, type Position } from "./endpoint.js";
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

export class History implements Rider {
  readonly handle: number;
  #connection: Connection;
  #page: Page | undefined;
  #resolve: ((page: Page) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;
  #closed = false;

  constructor(connection: Connection, sessionId: Uint8Array) {
    this.#connection = connection;
    this.handle = connection.endpoint.openHistory(sessionId);
  }

  /** The page of at most `count` offsets before `before`. One at a time. It waits through cuts of the network. */
  read(before: Position, count: number): Promise<Page> {
    return new Promise((resolve, reject) => {
      try {
        this.#connection.endpoint.readHistory(this.handle, before, count, this.#connection.clock.now());
      } catch (error) {
        reject(error as Error);
        return;
      }
      this.#page = { events: [], from: before.offset, first: false, trimmed: false, unreadable: 0 };
      this.#resolve = resolve;
      this.#reject = reject;
      this.#connection.wake();
    });
  }

  cancel(): void {
    this.#connection.endpoint.cancelHistory(this.handle);
    this.#reject?.(new Error("the page was given up"));
    this.#page = this.#resolve = this.#reject = undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.cancel();
    this.#connection.remove(this);
    this.#connection.endpoint.closeHistory(this.handle);
    this.#connection.wake();
  }

  take(event: EndpointEvent): void {
    const page = this.#page;
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
        this.#page = undefined;
        this.#resolve?.(page);
        break;
      case HistoryEvent.FAILED:
        this.#page = undefined;
        this.#reject?.(new HistoryError(fromBinary(ProblemSchema, event.data)));
        break;
    }
  }
}
