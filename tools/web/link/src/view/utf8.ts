/** Lengths and places of texts in bytes of UTF-8, without encoding them: what positions and limits count. */

/** Bytes of the character that begins at `at`; the second half of a pair counts with its first. */
function bytesAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  if (code < 0xd800 || code > 0xdbff) return 3;
  const next = text.charCodeAt(at + 1); // NaN at the end
  return next >= 0xdc00 && next <= 0xdfff ? 4 : 3;
}

/** Half a pair alone is written as U+FFFD, three bytes; texts that were decoded have none. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    const more = bytesAt(text, i) - 1;
    if (more === 3) {
      bytes += 2; // two units, four bytes
      i++;
    } else {
      bytes += more;
    }
  }
  return bytes;
}

/** A beginning of a text: its units, and its bytes. */
export interface Prefix {
  units: number;
  bytes: number;
}

/** The longest beginning of at most `most` bytes that parts no character. */
export function utf8Floor(text: string, most: number): Prefix {
  let units = 0, bytes = 0;
  while (units < text.length) {
    const step = bytesAt(text, units);
    if (bytes + step > most) break;
    bytes += step;
    units += step === 4 ? 2 : 1;
  }
  return { units, bytes };
}

/** `text` cut to `most` bytes, at a character. */
export function utf8Cut(text: string, most: number): string {
  if (text.length * 3 <= most) return text;
  const kept = utf8Floor(text, most);
  return kept.units === text.length ? text : text.slice(0, kept.units);
}

/** The unit at byte `offset`; -1: that is inside a character, or behind the end. */
export function utf8Unit(text: string, offset: number): number {
  if (offset === 0) return 0;
  const { units, bytes } = utf8Floor(text, offset);
  return bytes === offset ? units : -1;
}

/** Bytes that are mostly text: the largest length <= most that does not part a character. */
export function bytesFloor(data: Uint8Array, most: number): number {
  if (most >= data.length) return data.length;
  let at = most;
  while (at > 0 && (data[at]! & 0xc0) === 0x80) at--;
  return at;
}

/** The smallest start >= from that does not part a character; skips at most 3 bytes. */
export function bytesCeil(data: Uint8Array, bytes: number, from: number): number {
  let at = from;
  while (at < bytes && at < from + 3 && (data[at]! & 0xc0) === 0x80) at++;
  return at;
}
