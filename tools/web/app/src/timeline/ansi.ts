/**
 * Output of programs as lines of coloured text. Colours and styles stay; whatever moves the cursor, erases, names windows or asks the
 * terminal is taken out, and a line that was written over shows its last state.
 */
import Anser from "anser";
import { exact, prose } from "./clean.ts";

export interface Span {
  text: string;
  /** Classes of timeline.css; empty: plain. */
  look: string;
}

/** Of one line; what is more is said. */
export const LINE_MAX = 2000;

const STRING = /\u001b[\]PX^_][^\u0007\u001b\n]{0,4096}(?:\u0007|\u001b\\|(?=\n)|$)/g;
const ERASE = /\u001b\[[0-3]?K/g;
const OTHER_CSI = /\u001b\[[0-?]*[ -/]*(?:(?!m)[@-~]|$)/g;
const PRIVATE_SGR = /\u001b\[[<-?][0-?]*m/g;
const OTHER_ESCAPE = /\u001b(?!\[)[ -/]*[0-~]?/g;
const SGR = /\u001b\[[0-9;:]*m/g;
const CLEAR = /\u001b(?:\[[23]J|c)/g;

/** Longer lines are progress that was written over and over: their end counts. */
const LINE_LOOKED_AT = 64 * 1024;

/** Characters that were stepped back over are gone. */
function stepBack(line: string): string {
  const out: string[] = [];
  for (const [token] of line.matchAll(/\u001b\[[0-9;:]*m|[^]/gu)) {
    if (token !== "\b") {
      out.push(token);
      continue;
    }
    for (let at = out.length - 1; at >= 0; at--)
      if (!out[at]!.startsWith("\u001b")) {
        out.splice(at, 1);
        break;
      } else if (out.length - at > 64) break;
  }
  return out.join("");
}

/** What a screen would show of the line: behind the last carriage return that something follows; styles from before go on. */
function lastState(line: string): string {
  let end = line.length;
  while (end > 0 && line.charCodeAt(end - 1) === 13) end--;
  if (end < line.length) line = line.slice(0, end);
  const over = line.includes("\r");
  if (over) {
    if (line.length > LINE_LOOKED_AT) line = line.slice(-LINE_LOOKED_AT);
    let at = line.lastIndexOf("\r");
    while (at >= 0 && line.slice(at + 1).replace(SGR, "").trim() === "" && at > 0 && line.length - at < 4096) {
      line = line.slice(0, at);
      at = line.lastIndexOf("\r");
    }
    const styles = line.slice(Math.max(0, at - 4096), Math.max(0, at)).match(SGR);
    line = (styles ? styles.join("") : "") + line.slice(at + 1);
  }
  return line.includes("\b") ? stepBack(line.slice(0, LINE_LOOKED_AT)) : line;
}

/** Lines without anything but text and SGR. */
export function screenLines(text: string): string[] {
  let clean = text;
  if (clean.includes("\u001b")) {
    const cleared = [...clean.matchAll(CLEAR)].at(-1);
    if (cleared) clean = clean.slice(cleared.index + cleared[0].length);
    // Erasing a line before it is written anew is what a carriage return does here already.
    clean = clean.replace(STRING, "").replace(ERASE, "").replace(PRIVATE_SGR, "").replace(OTHER_CSI, "").replace(OTHER_ESCAPE, "");
  }
  const lines = clean.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map(lastState);
}

/** The line without its colours: for copying and searching. */
export const plainLine = (line: string): string => prose(line.replace(SGR, "").replace(/\u001b/g, ""));

/** A text without escape sequences: for searching. */
export const ansiPlain = (text: string): string =>
  text.includes("\u001b") ? text.replace(STRING, "").replace(SGR, "").replace(OTHER_CSI, "").replace(OTHER_ESCAPE, "") : text;

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

/** 256 colours and 24 bits as the nearest of the eight: those have enough contrast on either ground. */
function nearest(r: number, g: number, b: number): string {
  const max = Math.max(r, g, b);
  const min = Math.min(r, g, b);
  if (max - min < 40) return max < 90 ? "black" : "white";
  const middle = (max + min) / 2;
  const bits = (r > middle ? 1 : 0) | (g > middle ? 2 : 0) | (b > middle ? 4 : 0);
  return NAMES[bits] ?? "white";
}

function paletteColour(index: number): string {
  if (index < 16) return NAMES[index % 8]!;
  if (index >= 232) return index < 244 ? "black" : "white";
  const n = index - 16;
  const level = (v: number) => (v === 0 ? 0 : 55 + v * 40);
  return nearest(level(Math.floor(n / 36)), level(Math.floor(n / 6) % 6), level(n % 6));
}

function colour(name: string, exactly: string): string {
  if (!name) return "";
  if (name === "ansi-truecolor") {
    const [r, g, b] = exactly.split(",").map((part) => Number(part.trim()));
    return nearest(r ?? 0, g ?? 0, b ?? 0);
  }
  const palette = /^ansi-palette-(\d+)$/.exec(name);
  if (palette) return paletteColour(Number(palette[1]));
  return name.replace(/^ansi-(bright-)?/, "");
}

interface Chunk {
  content: string;
  fg: string | null;
  bg: string | null;
  fg_truecolor: string | null;
  bg_truecolor: string | null;
  decorations: string[];
}

function lookOf(chunk: Chunk): string {
  const classes: string[] = [];
  const fg = colour(chunk.fg ?? "", chunk.fg_truecolor ?? "");
  const bg = colour(chunk.bg ?? "", chunk.bg_truecolor ?? "");
  if (bg) classes.push(`bg-${bg}`);
  else if (fg) classes.push(`fg-${fg}`);
  for (const one of chunk.decorations)
    if (one === "bold" || one === "dim" || one === "italic" || one === "underline" || one === "strikethrough") classes.push(`sgr-${one}`);
  return classes.join(" ");
}

/** Styles that go on into the next line: those since they were last reset. */
function carried(before: string, line: string): string {
  let carry = before;
  for (const [sequence] of line.matchAll(SGR)) carry = /^\u001b\[0*(;|m)/.test(sequence) ? (/^\u001b\[0*m/.test(sequence) ? "" : sequence) : carry + sequence;
  return carry.length > 400 ? carry.slice(carry.indexOf("\u001b", carry.length - 400)) : carry;
}

/** Lines as spans. Hidden text (SGR 8) is shown: nothing here is a secret from whoever reads. */
export function spansOf(lines: readonly string[]): Span[][] {
  let carry = "";
  return lines.map((line) => {
    const over = line.length - LINE_MAX;
    const shown = over > 0 ? line.slice(0, LINE_MAX) : line;
    const rest: Span[] = over > 0 ? [{ text: ` … ${over} more characters`, look: "more" }] : [];
    const styled = carry + shown;
    const made = styled.includes("\u001b")
      ? (Anser.ansiToJson(styled, { json: true, use_classes: true, remove_empty: true }) as unknown as Chunk[])
        .map((chunk) => ({ text: clean(chunk.content), look: lookOf(chunk) }))
      : [{ text: clean(shown), look: "" }];
    if (line.includes("\u001b")) carry = carried(carry, line.length > LINE_LOOKED_AT ? line.slice(-LINE_LOOKED_AT) : line);
    return [...made, ...rest];
  });
}

const clean = (text: string): string => exact(text).replace(/\u241b/g, "");
