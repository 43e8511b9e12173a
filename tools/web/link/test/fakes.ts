/** A clock that stands still, sockets that do what a test says, and a small relay behind them. */
import { create, fromBinary, toBinary, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import type { Clock, Socket } from "../src/index.js";
import {
  Direction, EventSchema, Log, LogStatusSchema, OpenedSchema, OpenOutcome, OpenSchema, ProblemSchema,
  ReplySchema, RequestSchema, WelcomeSchema, type Open, type Request,
} from "../src/messages.js";
import { BatchSchema, FrameSchema, FrameType, type Frame } from "../../../../gen/ts/remote/v1/frame_pb.js";

export const WALL_MS = 1_700_000_000_000;

export class FakeClock implements Clock {
  #now = 1000;
  #timers = new Set<{ due: number; run: () => void }>();

  now(): number {
    return this.#now;
  }
  /** The device's clock is set; what only runs is not. */
  set = 0;
  wall(): number {
    return WALL_MS - 1000 + this.#now + this.set;
  }
  after(ms: number, run: () => void): () => void {
    const timer = { due: this.#now + Math.max(ms, 0), run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }
  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }
  /** What is due runs, each at its time. Returns how many did. */
  advance(ms: number): number {
    const end = this.#now + ms;
    for (let ran = 0; ; ran++) {
      const next = [...this.#timers].filter((timer) => timer.due <= end).sort((a, b) => a.due - b.due)[0];
      if (!next) {
        this.#now = end;
        return ran;
      }
      if (ran > 10_000) throw new Error("the timers do not come to rest");
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.due);
      next.run();
    }
  }
}

export class FakeSocket implements Socket {
  binaryType = "";
  readyState = 0;
  bufferedAmount = 0;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly sent: Uint8Array[] = [];
  closedWith: number | undefined;
  /** What send() throws. */
  throws: Error | undefined;
  onsent: ((data: Uint8Array) => void) | undefined;

  open(): void {
    this.readyState = 1;
    this.onopen?.(undefined as never);
  }
  hear(data: unknown): void {
    this.onmessage?.({ data } as never);
  }
  die(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code } as never);
  }
  send(data: Uint8Array): void {
    if (this.throws) throw this.throws;
    this.sent.push(data.slice());
    this.onsent?.(data.slice());
  }
  close(code?: number): void {
    this.readyState = 3;
    this.closedWith = code;
  }
}

export const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer; // a Buffer's slice() would be its pool

/** One frame on the wire. */
export function frame<D extends DescMessage>(type: FrameType, desc?: D, payload?: MessageInitShape<D>, more: MessageInitShape<typeof FrameSchema> = {}): Uint8Array {
  const bytes = desc ? toBinary(desc, create(desc, payload)) : new Uint8Array(0);
  return toBinary(BatchSchema, create(BatchSchema, { frame: [{ ...more, type, payload: bytes }] }));
}

export const EPOCH = new Uint8Array(16).fill(9);

/** Messages of a block: each with its length before it. */
export function messages(...all: Uint8Array[]): Uint8Array {
  return Buffer.concat(all.flatMap((one) => {
    const length: number[] = [];
    for (let n = one.length; ; n >>>= 7) {
      length.push(n < 128 ? n : (n & 127) | 128);
      if (n < 128) break;
    }
    return [Buffer.from(length), one];
  }));
}

export const titled = (title: string): Uint8Array =>
  toBinary(EventSchema, create(EventSchema, { atMs: 1n, body: { case: "titleChanged", value: { title } } }));

/** Greets, answers PING, opens what is asked for, and remembers what came. */
export class FakeRelay {
  readonly socket: FakeSocket;
  readonly frames: Frame[] = [];
  readonly requests: Request[] = [];
  readonly opens: { channel: number; open: Open }[] = [];
  answersPing = true;
  /** Its log of events. */
  log: Uint8Array[];

  constructor(socket: FakeSocket, log: Uint8Array[] = []) {
    this.socket = socket;
    this.log = log;
    socket.onsent = (data) => {
      for (const one of fromBinary(BatchSchema, data).frame) this.#take(one);
    };
  }

  say(...bytes: Uint8Array[]): void {
    this.socket.hear(buffer(Buffer.concat(bytes)));
  }
  welcome(): void {
    this.say(frame(FrameType.WELCOME, WelcomeSchema, {
      version: 1, limits: { frameBytes: 262144, channels: 64 }, heartbeatMs: 10_000, serverTimeMs: BigInt(WALL_MS + 5000),
      principal: { account: "ada", deviceId: new Uint8Array(16).fill(1), device: "phone" }, agent: "fake",
    }));
  }
  reply(reply: MessageInitShape<typeof ReplySchema>): void {
    this.say(frame(FrameType.REPLY, ReplySchema, reply));
  }
  goaway(code: number, retryAfterMs = 0): void {
    this.say(frame(FrameType.GOAWAY, ProblemSchema, { code, retryAfterMs: BigInt(retryAfterMs), reason: "so it is" }));
  }
  refuse(code: number): void {
    this.say(frame(FrameType.REFUSE, ProblemSchema, { code, reason: "no" }));
  }
  get events(): number {
    return this.opens.findLast(({ open }) => open.log === Log.EVENTS && open.until === 0n)!.channel;
  }
  /** Adds to the log and publishes it. */
  publish(...events: Uint8Array[]): void {
    const offset = this.log.length;
    this.log.push(...events);
    this.say(this.#block(this.events, offset));
  }
  tail(event: Uint8Array): void {
    this.say(toBinary(BatchSchema, create(BatchSchema, { frame: [{ type: FrameType.TAIL, channel: this.events, payload: event }] })));
  }
  info(payload: Uint8Array): void {
    this.say(toBinary(BatchSchema, create(BatchSchema, { frame: [{ type: FrameType.INFO, channel: this.events, payload }] })));
  }

  #block(channel: number, offset: number): Uint8Array {
    const fresh = this.log.slice(offset);
    return toBinary(BatchSchema, create(BatchSchema, {
      frame: [{ type: FrameType.BLOCK, channel, offset: BigInt(offset), count: fresh.length, payload: messages(...fresh) }],
    }));
  }

  #take(one: Frame): void {
    this.frames.push(one);
    switch (one.type) {
      case FrameType.HELLO:
        this.welcome();
        break;
      case FrameType.PING:
        if (this.answersPing)
          this.say(toBinary(BatchSchema, create(BatchSchema, { frame: [{ type: FrameType.PONG, payload: one.payload }] })));
        break;
      case FrameType.REQUEST:
        this.requests.push(fromBinary(RequestSchema, one.payload));
        break;
      case FrameType.OPEN: {
        const open = fromBinary(OpenSchema, one.payload);
        this.opens.push({ channel: one.channel, open });
        const reads = open.log === Log.EVENTS && open.direction === Direction.SUBSCRIBE;
        const next = reads ? open.next : 0n;
        const watermark = BigInt(reads ? this.log.length : 0);
        this.say(frame(FrameType.OPENED, OpenedSchema, { epoch: reads ? EPOCH : open.epoch, next, watermark, outcome: OpenOutcome.CONTINUED },
          { channel: one.channel, credit: reads ? 0n : 1_000_000n }));
        if (!reads) break;
        this.say(frame(FrameType.LOG_STATUS, LogStatusSchema, { eventsEpoch: EPOCH, eventsNext: watermark, commandsEpoch: EPOCH, hostAttached: true },
          { channel: one.channel }));
        if (next < watermark) this.say(this.#block(one.channel, Number(next)));
        this.say(frame(FrameType.SYNCED, undefined, undefined, { channel: one.channel, offset: watermark }));
        break;
      }
    }
  }
}
