/** Messages and thoughts from deltas and wholes, by positions in bytes (docs/spec.md 15.4, 15.5), without the view's limits. */
import type { Attachment, HistoryItem } from "@libremote/link/messages";
import type { TextFold, TextPart, Whole } from "./items.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Bytes of a text as UTF-8. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x80) continue;
    if (c < 0x800) bytes += 1;
    else if (c >= 0xd800 && c < 0xdc00 && i + 1 < text.length) {
      bytes += 2; // four bytes for two units
      i++;
    } else bytes += 2;
  }
  return bytes;
}

/** The text from its byte `from` on; undefined: that byte lies inside of a character. */
function fromByte(text: string, from: number): string | undefined {
  if (from === 0) return text;
  try {
    return decoder.decode(encoder.encode(text).subarray(from));
  } catch {
    return undefined;
  }
}

/** The first `bytes` bytes, or less: to the character before. */
function toByte(part: TextPart, bytes: number): void {
  const all = encoder.encode(part.text);
  let end = Math.min(bytes, all.length);
  while (end > 0 && end < all.length && (all[end]! & 0xc0) === 0x80) end--;
  part.text = new TextDecoder().decode(all.subarray(0, end));
  part.bytes = end;
}

export const newText = (): TextFold => ({ parts: [], open: false, attachments: [] });

export const cloneText = (fold: TextFold): TextFold => ({
  parts: fold.parts.map((part) => ({ ...part })), open: fold.open, attachments: [...fold.attachments],
});

/** `durable`: what lies before may not be loaded, so a later beginning counts; of a tail it is a hole. */
export function addDelta(fold: TextFold, position: number, text: string, durable: boolean): void {
  if (text === "") return;
  const last = fold.parts.at(-1);
  const bytes = byteLength(text);
  if (!last) {
    if (position !== 0 && !durable) return;
    fold.parts.push({ position, bytes, text });
    fold.open = true;
    return;
  }
  if (!fold.open) return;
  const end = last.position + last.bytes;
  if (position > end) {
    if (durable) fold.parts.push({ position, bytes, text });
    return;
  }
  if (end - position >= bytes) return;
  const fresh = fromByte(text, end - position);
  if (fresh === undefined) return;
  last.text += fresh;
  last.bytes += bytes - (end - position);
}

export function addWhole(fold: TextFold, whole: Whole): void {
  const position = Number(whole.position);
  while (fold.parts.length > 0 && fold.parts.at(-1)!.position >= position) fold.parts.pop();
  const last = fold.parts.at(-1);
  if (last && last.position + last.bytes > position) toByte(last, position - last.position);
  if (position === 0) fold.attachments = [];
  if (whole.$typeName === "remote.v1.AssistantMessage") fold.attachments.push(...whole.attachments as Attachment[]);
  if (whole.text !== "") {
    const bytes = byteLength(whole.text);
    if (last && last.position + last.bytes === position) {
      last.text += whole.text;
      last.bytes += bytes;
    } else fold.parts.push({ position, bytes, text: whole.text });
  }
  fold.open = whole.more;
}

/** What a snapshot holds of the message: its last parts. */
export function baseText(fold: TextFold, items: readonly HistoryItem[]): void {
  for (const item of items) {
    if (item.item.case !== "assistant" && item.item.case !== "thought") continue;
    addWhole(fold, item.item.value);
    fold.open = item.open;
  }
}

/** All of it as one text; what is missing between two parts is said. */
export function wholeText(fold: TextFold): string {
  const parts = fold.parts;
  if (parts.length === 1 && parts[0]!.position === 0) return parts[0]!.text;
  let out = "";
  let end = 0;
  for (const part of parts) {
    if (part.position > end) out += out === "" ? "… " : " … ";
    out += part.text;
    end = part.position + part.bytes;
  }
  return out;
}
