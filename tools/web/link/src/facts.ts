/** What a connection is given, what is known of it, and what it carries. */
import type { Clock, Report, SocketMaker } from "./carrier.js";
import type { EndpointEvent } from "./endpoint.js";
import type { Problem, Welcome } from "./messages.js";

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
  socket?: SocketMaker;
  /** 32 random bytes; absent: from crypto. */
  random?: Uint8Array;
  grease?: boolean;
  /** What listeners throw; absent: to the console. */
  onError?: Report;
}

/**
 * waiting: between attempts; connecting: a socket is on its way; greeting: HELLO is out; live; dead: a person must act
 * (`problem`, or the module has failed: `broken`); closed: close() was called.
 */
export type Phase = "waiting" | "connecting" | "greeting" | "live" | "dead" | "closed";

export interface ConnectionFacts {
  phase: Phase;
  /** Since when, Unix ms. */
  since: number;
  /** waiting: when it is tried again, Unix ms. */
  nextAttempt?: number;
  /** When the last byte of the relay came, Unix ms. It alone is no change that listeners are told of. */
  lastHeard?: number;
  /** Attempts that failed since it was last live. */
  failures: number;
  /** Why it is not live: what the relay said, or what the link found (1002: nothing heard). */
  problem?: Problem;
  /** dead: the module has failed, and only a new page (or a new Connection) helps. */
  broken?: Error;
  /** live: who we are, limits, the relay's clock. */
  welcome?: Welcome;
  /** Our clock plus this is the relay's, ms. */
  clockOffset: number;
  /** A probe is out and has not been answered. */
  probing: boolean;
}

/** What a connection carries: sessions, histories, uploads. */
export interface Rider {
  readonly handle: number;
  take(event: EndpointEvent): void;
  /** After each turn: what the endpoint's state has come to (uploads read on). */
  turn?(now: number): void;
  /** The connection has ended for good: nothing comes any more. */
  over(error: Error): void;
}
