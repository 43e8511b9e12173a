/** Frames and events of a link as lines (conformance/README.md, "Vectors"). */
import { fromBinary, type Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { FrameType } from "../../../gen/ts/remote/v1/frame_pb.js";
import {
  HelloSchema, OpenedSchema, OpenSchema, ProblemSchema, WelcomeSchema, type Problem,
} from "../../../tools/web/link/src/messages.js";
import { hex } from "../../../tools/web/link/src/session.js";
import type { RawEvent, RawFrame } from "./raw.js";

const part = (name: string, value: number | bigint): string => (Number(value) === 0 ? "" : ` ${name}=${value}`);

type Problemish = Pick<Problem, "code"> & { retryAfterMs: number | bigint; storedGeneration: number | bigint };

const problemText = (problem: Problemish): string =>
  ` code=${problem.code}${part("retry_after_ms", problem.retryAfterMs)}${part("stored_generation", problem.storedGeneration)}`;

const openedText = (opened: { next: number | bigint; watermark: number | bigint; outcome: number }): string =>
  ` next=${opened.next} watermark=${opened.watermark} outcome=${opened.outcome}`;

/** What cannot be read says nothing: a codec alone does not judge payloads. */
function read<T extends Message>(schema: GenMessage<T>, payload: Uint8Array, text: (message: T) => string): string {
  let message: T;
  try {
    message = fromBinary(schema, payload);
  } catch {
    return "";
  }
  return text(message);
}

function payloadText({ type, payload }: RawFrame): string {
  switch (type) {
    case FrameType.REFUSE:
    case FrameType.GOAWAY:
    case FrameType.CLOSE:
      return read(ProblemSchema, payload, problemText);
    case FrameType.OPENED:
      return read(OpenedSchema, payload, openedText);
    case FrameType.HELLO:
      return read(HelloSchema, payload, (hello) => ` generation=${hello.generation}`);
    case FrameType.WELCOME:
      return read(WelcomeSchema, payload, (welcome) => ` version=${welcome.version} principal=${welcome.principal ? 1 : 0}`);
    case FrameType.OPEN:
      return read(OpenSchema, payload, (open) => ` next=${open.next}`);
    case FrameType.PING:
      return ""; // random
    case FrameType.PONG:
      return ` payload=${hex(payload)}`;
    default:
      return part("bytes", payload.length);
  }
}

const WITH_OFFSET: number[] = [FrameType.BLOCK, FrameType.ACK, FrameType.TAIL, FrameType.SYNCED, FrameType.RECEIPT];

export function frameText(frame: RawFrame): string {
  const offset = WITH_OFFSET.includes(frame.type) ? ` offset=${frame.offset}` : part("offset", frame.offset);
  const count = frame.type === FrameType.TAIL ? ` index=${frame.count}` : part("count", frame.count);
  const name = frame.type === FrameType.UNSPECIFIED ? undefined : FrameType[frame.type];
  return (name ?? "UNKNOWN") + part("ch", frame.channel) + offset + count + part("credit", frame.credit) +
    payloadText(frame);
}

/** lrm_link_event_type. */
const EVENTS = [
  "?", "HELLO", "WELCOME", "REFUSED", "GOAWAY", "GOAWAY_SENT", "OPEN", "OPENED", "CLOSED", "BLOCK", "TAIL", "ACKED", "SYNCED",
  "INFO", "LOG_STATUS", "RECEIPT", "REQUEST", "REPLY", "HEARD", "SILENT",
];

export function eventText(event: RawEvent): string {
  const name = EVENTS[event.type] ?? "?";
  let text = name + part("ch", event.channel);
  if (name === "BLOCK") text += ` offset=${event.offset} count=${event.count}${part("skip", event.skip)}`;
  if (name === "TAIL") text += ` offset=${event.offset} index=${event.count}`;
  if (name === "ACKED" || name === "SYNCED" || name === "RECEIPT") text += ` offset=${event.offset}`;
  if (name === "OPENED") text += openedText(event.opened);
  return event.problem ? text + problemText(event.problem) : text;
}
