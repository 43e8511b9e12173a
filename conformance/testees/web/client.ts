/**
 * Role CLIENT: a session that is followed, as pages follow it: Connection and Session of @libremote/link, given a
 * clock and sockets. What a case does to it and what it tells: conformance/README.md, "Roles".
 */
import { LinkError } from "../../../tools/web/link/src/endpoint.js";
import type { Connection } from "../../../tools/web/link/src/connection.js";
import { hex, unhex, type Session, type SessionNews, type SessionOptions } from "../../../tools/web/link/src/session.js";
import {
  CommandSchema, EventSchema, LogStatusSchema, type Command,
} from "../../../tools/web/link/src/messages.js";
import { jsonOf, messageOf, type Json, type JsonObject } from "./json.js";

export class Unsupported extends Error {}

export type Tell = (kind: string, value: Json) => void;

/** One act: an object of one member. */
export function actOf(json: string): [string, JsonObject] {
  const [[name, members]] = Object.entries(JSON.parse(json) as JsonObject) as [[string, JsonObject]];
  return [name, members];
}

const STATES = ["", "COMPOSED", "SENT", "STORED", "DELIVERED", "DONE"];
const OUTCOMES = ["", "APPLIED", "REJECTED", "SUPERSEDED", "EXPIRED", "WITHDRAWN", "UNKNOWN"];

export class Client {
  readonly connection: Connection;
  #session: Session;
  #tell: Tell;
  #waiting: JsonObject[]; // what the configuration has: submitted as soon as it can be
  #raws: { raw: Uint8Array; then: string }[] = [];
  #fatal = 0; // the code that ended the link for good

  constructor(connection: Connection, config: JsonObject, tell: Tell) {
    this.connection = connection;
    this.#tell = tell;
    this.#waiting = (config.submit as JsonObject[] | undefined) ?? [];
    connection.setVisible(false); // until the case says that somebody looks
    connection.onChange((facts) => {
      const { broken } = facts;
      if (broken) queueMicrotask(() => { throw broken; }); // a trap of the module is a crash
      const code = facts.problem?.code ?? 0;
      if (facts.phase !== "live" && code !== 0 && code !== this.#fatal && !connection.endpoint.codeReconnects(code)) {
        this.#fatal = code;
        tell("closed", { code });
      }
    });
    this.#session = connection.follow(unhex(String(config.session_id)), optionsOf(config));
    this.#session.onNews((news) => this.#told(news));
  }

  act(name: string, members: JsonObject): void {
    switch (name) {
      case "submit":
        this.#submit(members);
        break;
      case "visible":
        this.connection.setVisible(members.on !== false);
        break;
      case "act_now":
        this.connection.probe();
        break;
      case "detach":
        this.#session.close();
        break;
      default:
        throw new Unsupported(`a client has no act ${name}`);
    }
  }

  /** What was told of an event lately is still what it was: pages keep the bytes. */
  verify(): void {
    for (const { raw, then } of this.#raws) if (hex(raw) !== then) throw new Error("the bytes of an event that was told have changed");
  }

  #submit(members: JsonObject): void {
    const command = messageOf<Command>(CommandSchema, members.command as JsonObject);
    try {
      const id = this.#session.submit(command.body as never, Number(members.ttl_ms ?? 0));
      this.#tell("submitted", { command: id });
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.#tell("submitted", { refused: error.message });
    }
  }

  #told(news: SessionNews): void {
    switch (news.kind) {
      case "event":
        this.#raws = [...this.#raws.slice(-7), { raw: news.raw, then: hex(news.raw) }];
        this.#tell("event", { offset: news.offset, event: jsonOf(EventSchema, news.event) });
        break;
      case "tail":
        this.#tell("tail", jsonOf(EventSchema, news.event));
        break;
      case "snapshot":
      case "reset":
        this.#tell("snapshot", { offset: news.offset, reset: news.kind === "reset" });
        break;
      case "synced":
        this.#tell("synced", { offset: news.offset });
        for (const waiting of this.#waiting.splice(0)) this.#submit(waiting);
        break;
      case "status":
        this.#tell("status", jsonOf(LogStatusSchema, news.status));
        break;
      case "command":
        this.#command(news.id, news.facts);
        break;
      case "closed":
        this.#tell("closed", { code: news.problem.code });
        break;
      case "done":
        this.#tell("done", {});
        break;
      case "info": // for lists and notifications, of which there are none here
      case "tail-cleared": // the view's business
        break;
    }
  }

  #command(command: string, facts: { state: number; outcome: number; code: number }): void {
    const state = STATES[facts.state];
    if (!state || state === "COMPOSED") return;
    const told: JsonObject = { command, state };
    const outcome = OUTCOMES[facts.outcome];
    if (outcome) told.outcome = outcome;
    if (facts.code !== 0) told.code = facts.code;
    this.#tell("command", told);
  }
}

function optionsOf(config: JsonObject): SessionOptions {
  const options: SessionOptions = { publish: config.publish !== false };
  const from = config.from as JsonObject | undefined;
  if (config.window_bytes !== undefined) throw new Unsupported("a page's window is the default one");
  if (config.start !== undefined && config.start !== "SNAPSHOT" && !(config.start === "RESUME" && from))
    throw new Unsupported("a page begins with a snapshot, or where it was");
  if (from) options.from = { epoch: unhex(String(from.epoch)), offset: Number(from.offset ?? 0) };
  if (config.until !== undefined) options.until = Number(config.until);
  return options;
}
