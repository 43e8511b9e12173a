/**
 * Text that somebody else wrote, where a person decides by it: what is hidden, or looks like another character, is shown
 * by name (the terminal's rule, tools/cli/render/terminal_text.h). A browser moves no cursor for it, but a direction
 * override or a zero-width space deceives here too.
 */

export interface Piece {
  text: string;
  /** It stands for a character that is not shown as it is. */
  named: boolean;
}

const MARKS_MAX = 8;

function deceives(c: number): boolean {
  if (c === 0x34f || c === 0x115f || c === 0x1160 || c === 0x17b4 || c === 0x17b5 || c === 0x180e || c === 0x3164 || c === 0xffa0)
    return true;
  return (c >= 0x7f && c < 0xa0) || c === 0x61c || c === 0x200e || c === 0x200f || (c >= 0x202a && c <= 0x202e) ||
    (c >= 0x2060 && c <= 0x206f) || c === 0x200b || c === 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

/** Harmless in prose, where scripts and emoji need them; in a command they hide a difference. */
function looksLikeAnother(c: number): boolean {
  return c === 0x2028 || c === 0x2029 || c === 0xa0 || c === 0xad || c === 0x1680 || (c >= 0x2000 && c <= 0x200d) || c === 0x202f ||
    c === 0x205f || c === 0x2800 || c === 0x3000 || (c >= 0x180b && c <= 0x180f) || (c >= 0xfe00 && c <= 0xfe0f);
}

const name = (c: number): string => `U+${c.toString(16).toUpperCase().padStart(4, "0")}`;
const mark = /^\p{M}$/u;

/** In pieces. `prose`: what scripts and emoji need stays as it is; `oneLine`: newlines and tabs become blanks. */
export function pieces(text: string, { prose = false, oneLine = false } = {}): Piece[] {
  const out: Piece[] = [];
  let plain = "";
  let marks = 0;
  const put = (named: string) => {
    if (plain !== "") out.push({ text: plain, named: false });
    plain = "";
    out.push({ text: named, named: true });
  };
  for (let at = 0; at < text.length;) {
    const c = text.codePointAt(at)!;
    const letter = String.fromCodePoint(c);
    at += letter.length;
    if (mark.test(letter)) {
      if (++marks > MARKS_MAX) {
        if (marks === MARKS_MAX + 1) plain += "\ufffd"; // said once; the rest of the heap is left out
        continue;
      }
    } else if (c !== 0x200d) marks = 0;
    if (c === 0x0a || c === 0x09) plain += oneLine ? " " : letter;
    else if (c === 0x0d && text.charCodeAt(at) === 0x0a) continue;
    else if (c < 0x20) put(String.fromCodePoint(0x2400 + c));
    else if (deceives(c) || (!prose && looksLikeAnother(c)) || (c >= 0xd800 && c <= 0xdfff)) put(name(c));
    else plain += letter;
  }
  if (plain !== "") out.push({ text: plain, named: false });
  return out;
}

/** The same as one text: for names that are read aloud and for titles. */
export function plainText(text: string, oneLine = true): string {
  return pieces(text, { oneLine }).map((piece) => (piece.named ? `<${piece.text}>` : piece.text)).join("");
}

/** At most `letters` of it, with "…" when something was cut. */
export function short(text: string, letters: number): string {
  const all = [...text];
  return all.length <= letters ? text : `${all.slice(0, letters - 1).join("")}…`;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A path is bytes: what is no UTF-8 is shown as \xNN. */
export function pathText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    let out = "";
    for (let at = 0; at < bytes.length;) {
      const first = bytes[at]!;
      const length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0
        && first < 0xf5 ? 4 : 1;
      try {
        out += utf8.decode(bytes.subarray(at, at + length));
        at += length;
      } catch {
        out += `\\x${first.toString(16).padStart(2, "0")}`;
        at++;
      }
    }
    return out;
  }
}
