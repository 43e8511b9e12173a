/** The durable state as messages of a snapshot set: the first has the single values, lists go on over as many as are needed. */
import { create, toBinary, type DescMessage, type Message } from "@bufbuild/protobuf";
import { EventSchema, SessionStateSchema, type SessionState } from "../messages.js";
import { encodedBytes } from "./copy.js";
import { MESSAGE_BYTES_MAX } from "./limits.js";
import { utf8Bytes } from "./utf8.js";

/** Tag of two bytes and a length of up to three. */
const ELEMENT_FRAME_BYTES = 5;
/** Event around the state: time, tag and length. */
const EVENT_FRAME_BYTES = 20;

const LISTS = ["modes", "options", "slashCommands", "plan", "queue", "asks", "tools", "history", "outcomes", "subagents"] as const;

function elementBytes(desc: DescMessage | undefined, element: Message | string): number {
  return typeof element === "string" ? utf8Bytes(element) : encodedBytes(desc!, element);
}

/** Encoded Events, at least one, each of at most MESSAGE_BYTES_MAX. */
export function writeSnapshot(all: SessionState, atMs: bigint): Uint8Array[] {
  const written: Uint8Array[] = [];
  let part: SessionState = { ...all };
  for (const name of LISTS) part[name] = [];
  let bytes = EVENT_FRAME_BYTES + encodedBytes(SessionStateSchema, part);
  const flush = (): void => {
    const event = create(EventSchema, { atMs, body: { case: "sessionState", value: part } });
    written.push(toBinary(EventSchema, event, { writeUnknownFields: false }));
    part = create(SessionStateSchema);
    bytes = EVENT_FRAME_BYTES;
  };
  for (const name of LISTS) {
    const desc = SessionStateSchema.field[name].message;
    for (const element of all[name]) {
      const more = ELEMENT_FRAME_BYTES + elementBytes(desc, element);
      if (bytes + more > MESSAGE_BYTES_MAX) flush();
      (part[name] as (Message | string)[]).push(element);
      bytes += more;
    }
  }
  flush();
  return written;
}
