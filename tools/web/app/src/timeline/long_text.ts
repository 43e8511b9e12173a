/**
 * What is shown of a text that is too long to be shown whole: its beginning and its end. The end begins at steps, so that what stands
 * there stays while the text grows, and where the whole text stops says nothing about the cut: finishing it moves nothing.
 */
import { cutText } from "./clean.ts";

/** Up to so many characters (code units) are shown at each side of a cut. */
export const SIDE = 16 * 1024;
/** The end begins anew after so many further ones; nothing shorter is ever left out. */
export const STEP = 4 * 1024;
/** While somebody reads it elsewhere the end only grows, up to that. */
const HELD_MAX = 256 * 1024;

export interface Cut {
  head: string;
  /** Empty: all of the text is in `head`. */
  tail: string;
  /** Where in the text `tail` begins; 0: there is none. */
  at: number;
}

const FENCES = /^ {0,3}(`{3,}|~{3,})(.*)$/gm;

/** The line that opened the code in which position `at` stands, to be said again there; empty: in none. */
export function fenceAt(text: string, at: number): string {
  let open = "";
  let mark = "";
  for (const found of text.slice(0, at).matchAll(FENCES)) {
    if (mark === "") {
      // Such a line is no fence: the backtick would end the name.
      if (found[1]![0] === "`" && found[2]!.includes("`")) continue;
      mark = found[1]!;
      open = `${found[1]}${found[2]!.slice(0, 100)}`;
    } else if (found[1]!.startsWith(mark) && found[2]!.trim() === "") mark = "";
  }
  return mark === "" ? "" : open;
}

/** The first good place for a cut from `at` on, at most a step further: before a block, a line, a word, a character. */
function placeFrom(text: string, at: number): number {
  const near = text.slice(at, at + STEP);
  const block = near.indexOf("\n\n");
  if (block >= 0) return at + block + 2;
  const line = near.indexOf("\n");
  if (line >= 0) return at + line + 1;
  const word = near.slice(0, 200).indexOf(" ");
  if (word >= 0) return at + word + 1;
  const first = near.charCodeAt(0);
  return first >= 0xdc00 && first < 0xe000 ? at + 1 : at;
}

/** The first `most` characters or fewer, to the end of a block, a line or a word. */
function headOf(text: string, most: number): string {
  const cut = cutText(text, most);
  const block = cut.lastIndexOf("\n\n");
  if (block > most - STEP) return cut.slice(0, block + 1);
  const line = cut.lastIndexOf("\n");
  if (line > most - STEP) return cut.slice(0, line + 1);
  const word = cut.lastIndexOf(" ");
  return word > most - 200 ? cut.slice(0, word) : cut;
}

/** Where the end of so long a text begins. */
const tailPlace = (text: string): number => placeFrom(text, Math.floor((text.length - SIDE) / STEP) * STEP);

/**
 * `room`: for the beginning. `held`: where the end began when somebody started to read in it, and is to begin still; 0: it was whole.
 */
export function cutOf(text: string, room: number, held?: number): Cut {
  const whole: Cut = { head: text, tail: "", at: 0 };
  if (text.length < room + SIDE + STEP) return whole;
  if (held !== undefined && text.length - held > HELD_MAX) held = undefined;
  const at = held ?? tailPlace(text);
  // What lies between would not be worth a button.
  if (at < room + STEP) return whole;
  return { head: headOf(text, room), tail: text.slice(at), at };
}
