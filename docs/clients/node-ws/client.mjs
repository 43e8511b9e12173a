// A client of a relay with plain `ws` and protobuf-es: lists the sessions of an account, or follows
// one, event by event and through lost connections, sends it a prompt and answers what its agent
// asks. See README.md.
//
//   node client.mjs URL TOKEN_FILE list
//   node client.mjs URL TOKEN_FILE follow SESSION_HEX [--from OFFSET] [--say TEXT] [--allow]
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { inflateRawSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import WebSocket from "ws";
import { AskOptionKind } from "./gen/remote/v1/ask_pb.js";
import { CommandSchema } from "./gen/remote/v1/command_pb.js";
import { EventSchema } from "./gen/remote/v1/event_pb.js";
import { BatchSchema, FrameType } from "./gen/remote/v1/frame_pb.js";
import * as link from "./gen/remote/v1/link_pb.js";
import { ReplySchema, RequestSchema } from "./gen/remote/v1/relay_pb.js";

const EVENTS = 1, OUTBOX = 2; // our channels' numbers
const COMPRESSED = 1, SNAPSHOT = 4; // flags of a block
const WINDOW = 1 << 20; // bytes of events that may be on their way
const SILENCE_MS = 25000; // then the connection is dead, whatever TCP says
const MESSAGE_BYTES_MAX = 1 << 20;
const EPOCH_GONE = 2001, TRIMMED = 2002;

const pack = (schema, fields) => toBinary(schema, create(schema, fields));
const hex = (bytes) => Buffer.from(bytes).toString("hex");

/** The relay says why, and trying again cannot help. */
class Refused extends Error {}

function varint(value) {
  const out = [];
  for (; value > 127; value = Math.floor(value / 128)) out.push((value & 127) | 128);
  return Buffer.from([...out, value]);
}

/** The messages of a BLOCK: length, message, again and again. */
function* messages(frame) {
  const inflated = { maxOutputLength: frame.inflatedBytes || 1 };
  const data = frame.flags & COMPRESSED ? inflateRawSync(frame.payload, inflated) : frame.payload;
  for (let at = 0; at < data.length; ) {
    let size = 0, shift = 1, byte;
    do {
      byte = data[at++];
      size += (byte & 127) * shift;
      shift *= 128;
    } while (byte > 127);
    yield data.subarray(at, at + size);
    at += size;
  }
}

/** One connection: frames there, frames here, a beat. Ends with a reason for people. */
class Connection {
  constructor(url, hello, onFrame) {
    this.ended = new Promise((resolve, reject) => {
      const socket = (this.socket = new WebSocket(`${url.replace(/\/$/, "")}/v1/link`, "remote.v1",
        { maxPayload: MESSAGE_BYTES_MAX, perMessageDeflate: false, handshakeTimeout: 10000 }));
      let heard = Date.now();
      const beat = setInterval(() => {
        if (Date.now() - heard > SILENCE_MS) socket.terminate();
        else if (socket.readyState === WebSocket.OPEN) this.send({ type: FrameType.PING, payload: Buffer.from("are you?") });
      }, 5000);
      socket.on("open", () => this.send({ type: FrameType.HELLO, payload: pack(link.HelloSchema, hello) }));
      socket.on("message", (data) => {
        heard = Date.now();
        try {
          for (const frame of fromBinary(BatchSchema, data).frame) this.take(frame, onFrame);
        } catch (error) {
          socket.terminate();
          reject(error);
        }
      });
      socket.on("error", (error) => resolve(error.message));
      socket.on("close", (code) => {
        clearInterval(beat);
        resolve(`closed with ${code}`);
      });
    });
  }

  send(...frame) {
    this.socket.send(pack(BatchSchema, { frame }));
  }

  take(frame, onFrame) {
    if (frame.type === FrameType.PING) this.send({ type: FrameType.PONG, payload: frame.payload });
    else if (frame.type === FrameType.REFUSE || frame.type === FrameType.GOAWAY) {
      const problem = fromBinary(link.ProblemSchema, frame.payload);
      if (problem.code >= 3000) throw new Refused(`${problem.code} ${problem.reason}`);
    } else onFrame(frame);
  }
}

const hello = (token, linkId) => ({
  versionMin: 1, versionMax: 1, linkId, token, generation: BigInt(Date.now()), role: link.Role.CLIENT, agent: "node-ws/1",
});

async function list(url, token) {
  const connection = new Connection(url, hello(token, randomBytes(16)), (frame) => {
    if (frame.type === FrameType.WELCOME) {
      const payload = pack(RequestSchema, { id: 1, call: { case: "listSessions", value: {} } });
      connection.send({ type: FrameType.REQUEST, payload });
    } else if (frame.type === FrameType.REPLY) {
      const reply = fromBinary(ReplySchema, frame.payload);
      const { case: kind, value } = reply.result;
      if (kind === "session") console.log(hex(value.sessionId), value.description.title);
      if (kind === "problem") throw new Refused(`${value.code} ${value.reason}`);
      if (!reply.more) connection.socket.close(1000);
    }
  });
  await connection.ended;
}

/** A cursor on a session's events and an outbox of commands: what lasts over connections. */
class Follower {
  constructor(token, session, start) {
    Object.assign(this, { token, session, start, linkId: randomBytes(16), epoch: Buffer.alloc(0), next: 0n });
    this.outbox = []; // envelopes without an outcome
    this.first = 0; // the first one's offset
    this.outcomes = new Set(); // of our commands, by id
    this.publishing = false;
  }

  /** Numbered and kept until its outcome is an event: sent again after each cut, done once. */
  command(kind, value) {
    const command = pack(CommandSchema, { body: { case: kind, value } });
    const commandId = randomBytes(16);
    this.outbox.push({ commandId, command, eventEpoch: this.epoch, class: link.CommandClass.CONTROL });
    if (this.publishing) this.sendCommand(this.first + this.outbox.length - 1);
    return hex(commandId);
  }

  sendCommand(offset) {
    const data = pack(link.CommandEnvelopeSchema, this.outbox[offset - this.first]);
    this.connection.send({ type: FrameType.BLOCK, channel: OUTBOX, offset: BigInt(offset), count: 1,
      payload: Buffer.concat([varint(data.length), data]) });
  }

  open(channel, fields) {
    const payload = pack(link.OpenSchema, { sessionId: this.session, ...fields });
    this.connection.send({ type: FrameType.OPEN, channel, credit: channel === EVENTS ? BigInt(WINDOW) : 0n, payload });
  }

  /** Until the connection ends; seen(offset, event) for each event, once and in order. */
  async attach(url, seen) {
    this.taken = 0;
    this.publishing = false;
    this.connection = new Connection(url, hello(this.token, this.linkId), (frame) => this.take(frame, seen));
    return this.connection.ended;
  }

  take(frame, seen) {
    if (frame.type === FrameType.WELCOME) {
      this.open(EVENTS, { log: link.Log.EVENTS, direction: link.Direction.SUBSCRIBE, epoch: this.epoch, next: this.next,
        start: this.epoch.length ? link.Start.RESUME : link.Start.BEGINNING });
    } else if (frame.type === FrameType.OPENED && frame.channel === EVENTS) {
      const opened = fromBinary(link.OpenedSchema, frame.payload);
      this.epoch = opened.epoch;
      this.next = opened.next;
      this.open(OUTBOX, { log: link.Log.COMMANDS, direction: link.Direction.PUBLISH, epoch: this.linkId,
        firstRetained: BigInt(this.first), next: BigInt(this.first + this.outbox.length) });
    } else if (frame.type === FrameType.OPENED) {
      const { next } = fromBinary(link.OpenedSchema, frame.payload); // below it all is stored
      this.publishing = true;
      for (let i = Math.max(Number(next), this.first); i < this.first + this.outbox.length; i++) this.sendCommand(i);
    } else if (frame.type === FrameType.CLOSE) {
      const problem = fromBinary(link.ProblemSchema, frame.payload);
      if (problem.code >= 3000 || frame.channel !== EVENTS) throw new Refused(`${problem.code} ${problem.reason}`);
      if ([EPOCH_GONE, TRIMMED].includes(problem.code)) this.epoch = Buffer.alloc(0);
      this.connection.socket.close(1000);
    } else if (frame.type === FrameType.RECEIPT) {
      const { result } = fromBinary(link.ReceiptSchema, frame.payload);
      if (result.case === "problem") throw new Refused(`${result.value.code} ${result.value.reason}`);
    } else if (frame.type === FrameType.BLOCK && frame.channel === EVENTS) this.block(frame, seen);
    else if (frame.type === FrameType.SYNCED && frame.channel === EVENTS) seen(null, null);
  }

  block(frame, seen) {
    if (frame.offset > this.next && !(frame.flags & SNAPSHOT && frame.part === 1)) throw new Error("a gap in the events");
    if (frame.flags & SNAPSHOT && frame.offset === this.next) this.next += BigInt(frame.count); // says what we know
    let offset = frame.offset;
    for (const message of messages(frame)) {
      if (offset >= this.next) {
        const event = fromBinary(EventSchema, message);
        this.next = offset + 1n;
        if (event.body.case === "commandOutcome") this.outcome(event.body.value);
        if (offset >= this.start) seen(offset, event);
      }
      offset++;
    }
    this.taken += frame.payload.length;
    this.connection.send({ type: FrameType.ACK, channel: EVENTS, offset: this.next, credit: BigInt(this.taken + WINDOW) });
  }

  outcome({ commandId }) {
    this.outcomes.add(hex(commandId));
    for (; this.outbox.length && this.outcomes.has(hex(this.outbox[0].commandId)); this.first++) this.outbox.shift();
  }
}

async function follow(url, token, session, { from, say, allow }) {
  const follower = new Follower(token, Buffer.from(session, "hex"), BigInt(from));
  const open = new Map(); // asks
  let prompt, synced = false;
  const answer = (ask) => {
    const option = ask.options.find((x) => x.kind === AskOptionKind.ALLOW_ONCE);
    if (option) follower.command("answerAsk", { askId: ask.askId, answer: { optionId: option.optionId } });
  };
  const seen = (offset, event) => {
    if (event === null) { // we have caught up: what is still open is for us
      if (allow && !synced) for (const ask of open.values()) answer(ask);
      if (say && !prompt) prompt = follower.command("submitPrompt", { text: say });
      synced = true;
      return;
    }
    const { case: kind, value } = event.body;
    const name = (kind ?? "unknown").replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
    console.log(`${offset} ${name} ${kind === "assistantMessage" ? value.text : ""}`);
    if (kind === "askOpened") {
      open.set(hex(value.ask.askId), value.ask);
      if (allow && synced) answer(value.ask);
    } else if (kind === "askResolved") open.delete(hex(value.askId));
    else if (kind === "turnEnded" && prompt && follower.outcomes.has(prompt)) process.exit(0);
  };
  for (;;) {
    console.error("connection lost:", await follower.attach(url, seen));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: {
  from: { type: "string", default: "0" }, say: { type: "string" }, allow: { type: "boolean", default: false } } });
const [url, tokenFile, verb, session] = positionals;
try {
  const token = readFileSync(tokenFile, "ascii").trim();
  await (verb === "list" ? list(url, token) : follow(url, token, session, values));
} catch (error) {
  console.error(error instanceof Refused ? `the relay says: ${error.message}` : error.message);
  process.exit(1);
}
