/** Role CODEC: the module's own decoder of frames and its preflight; messages encoded again by protobuf-es, as pages do. */
import { createRegistry, fromBinary, toBinary, type DescFile } from "@bufbuild/protobuf";
import { file_remote_v1_ask } from "../../../gen/ts/remote/v1/ask_pb.js";
import { file_remote_v1_command } from "../../../gen/ts/remote/v1/command_pb.js";
import { file_remote_v1_event } from "../../../gen/ts/remote/v1/event_pb.js";
import { file_remote_v1_frame } from "../../../gen/ts/remote/v1/frame_pb.js";
import { file_remote_v1_link } from "../../../gen/ts/remote/v1/link_pb.js";
import { file_remote_v1_policy } from "../../../gen/ts/remote/v1/policy_pb.js";
import { file_remote_v1_relay } from "../../../gen/ts/remote/v1/relay_pb.js";
import { file_remote_v1_session } from "../../../gen/ts/remote/v1/session_pb.js";
import type { Decode, Judge } from "../../../gen/ts/conformance/harness_pb.js";
import { Unsupported } from "./client.js";
import type { RawModule } from "./raw.js";
import { frameText } from "./text.js";

const files: DescFile[] = [
  file_remote_v1_ask, file_remote_v1_command, file_remote_v1_event, file_remote_v1_frame, file_remote_v1_link, file_remote_v1_policy,
  file_remote_v1_relay, file_remote_v1_session,
];
const types = createRegistry(...files);

export function decode(raw: RawModule, ask: Decode): { frames: string[]; code: number; at: bigint } {
  const frames: string[] = [];
  let at = 0, have = 0;
  for (const piece of [...ask.pieces, Infinity]) {
    have = Math.min(have + piece, ask.stream.length);
    for (;;) {
      const { consumed, limit, frame } = raw.frame(ask.stream.subarray(at, have), ask.payloadMax);
      if (consumed < 0) return { frames, code: limit ? 4002 : 4001, at: BigInt(have) };
      if (!frame) break;
      frames.push(frameText(frame));
      at += consumed;
    }
  }
  return { frames, code: 0, at: 0n };
}

export function judge(raw: RawModule, ask: Judge): { code: number; encoded: Uint8Array } {
  const taken = raw.takes(ask.type, ask.message);
  const type = types.getMessage(ask.type);
  if (taken === undefined || !type) throw new Unsupported(`${ask.type} is no message of the web client`);
  if (!taken) return { code: 4003, encoded: new Uint8Array() };
  return { code: 0, encoded: toBinary(type, fromBinary(type, ask.message)) };
}
