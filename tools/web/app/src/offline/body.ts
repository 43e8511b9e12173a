/** Commands as they are kept: encoded, in base64, with the words that a person knows them by. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CommandSchema, Delivery, type Command } from "@libremote/link/messages";

const PIECE = 0x8000;

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE) text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return btoa(text);
}

export const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

export const encodeBody = (body: Command["body"]): string => toBase64(toBinary(CommandSchema, create(CommandSchema, { body })));

/** undefined: damaged, or of another version. */
export function decodeBody(command: string): Command["body"] | undefined {
  if (command === "") return undefined;
  try {
    return fromBinary(CommandSchema, fromBase64(command)).body;
  } catch {
    return undefined;
  }
}

/** What a person recognises it by: what was said, or what it was for. */
export function wordsOf(body: Command["body"]): string {
  switch (body.case) {
    case "submitPrompt":
      return body.value.text;
    case "answerAsk":
      return "an answer";
    case "setMode":
      return "a change of the mode";
    case "setConfigOption":
      return "a change of an option";
    case "setTitle":
      return `the title “${body.value.title}”`;
    case "cancelTurn":
      return "stopping the turn";
    case "withdrawCommand":
      return "taking back a prompt";
    case "runSlashCommand":
      return `/${body.value.name} ${body.value.arguments}`.trim();
    case "endRemote":
      return "ending remote control";
    default:
      return "";
  }
}

/** Questions and signs of life change nothing, and chunks belong to their prompt: nobody asks what became of them. */
export const isKept = (body: Command["body"]): boolean => wordsOf(body) !== "";

/** May it be sent when it never left, however late that is? What it was meant for must still be there. */
export function keepsItsMeaning(body: Command["body"] | undefined): boolean {
  return body?.case === "submitPrompt" && body.value.delivery !== Delivery.STEER && body.value.attachmentIds.length === 0;
}
