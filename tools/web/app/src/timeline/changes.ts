/** A change of a file as lines to show: hunks with a little of what stands around them, and the words that differ in paired lines. */
import { diffLines, diffWordsWithSpace } from "diff";

export interface Word {
  text: string;
  changed: boolean;
}

export interface Line {
  kind: " " | "+" | "-";
  /** From 1; 0: not on that side. */
  before: number;
  after: number;
  words: Word[];
}

export interface Hunk {
  lines: Line[];
  /** Lines left out before it. */
  skipped: number;
}

export interface Change {
  hunks: Hunk[];
  added: number;
  removed: number;
  /** Lines left out behind the last hunk. */
  skippedAfter: number;
  /** It was too much to compare: all of the old text goes, all of the new one comes. */
  whole: boolean;
}

const AROUND = 3;
const WORDS_LINE_MAX = 600;

const linesOf = (text: string): string[] => {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
};

const plain = (text: string): Word[] => [{ text, changed: false }];

/** Lines that stand for each other: the words that differ are marked, unless nearly all do. */
function pair(removed: Line, added: Line): void {
  const [a, b] = [removed.words[0]!.text, added.words[0]!.text];
  if (a.length > WORDS_LINE_MAX || b.length > WORDS_LINE_MAX) return;
  const parts = diffWordsWithSpace(a, b, { maxEditLength: 200 });
  if (!parts) return;
  const same = parts.reduce((sum, part) => sum + (part.added || part.removed ? 0 : part.value.trim().length), 0);
  if (same * 3 < Math.min(a.trim().length, b.trim().length)) return;
  removed.words = parts.filter((part) => !part.added).map((part) => ({ text: part.value, changed: part.removed }));
  added.words = parts.filter((part) => !part.removed).map((part) => ({ text: part.value, changed: part.added }));
}

function emphasize(lines: readonly Line[]): void {
  for (let at = 0; at < lines.length; ) {
    if (lines[at]!.kind !== "-") {
      at++;
      continue;
    }
    let middle = at;
    while (lines[middle]?.kind === "-") middle++;
    let end = middle;
    while (lines[end]?.kind === "+") end++;
    if (middle - at === end - middle && middle - at <= 50) for (let i = at; i < middle; i++) pair(lines[i]!, lines[i - at + middle]!);
    at = end;
  }
}

export function changeOf(oldText: string, newText: string): Change {
  const parts = diffLines(oldText, newText, { maxEditLength: 4000, timeout: 120 });
  const lines: Line[] = [];
  let before = 0;
  let after = 0;
  const put = (kind: Line["kind"], text: string) => {
    for (const line of linesOf(text)) {
      if (kind !== "+") before++;
      if (kind !== "-") after++;
      lines.push({ kind, before: kind === "+" ? 0 : before, after: kind === "-" ? 0 : after, words: plain(line) });
    }
  };
  if (parts) for (const part of parts) put(part.added ? "+" : part.removed ? "-" : " ", part.value);
  else {
    put("-", oldText);
    put("+", newText);
  }
  emphasize(lines);
  const keep = new Uint8Array(lines.length);
  lines.forEach((line, index) => {
    if (line.kind !== " ") keep.fill(1, Math.max(0, index - AROUND), index + AROUND + 1);
  });
  const hunks: Hunk[] = [];
  let skipped = 0;
  let open: Hunk | undefined;
  lines.forEach((line, index) => {
    if (!keep[index]) {
      skipped++;
      open = undefined;
      return;
    }
    if (!open) hunks.push((open = { lines: [], skipped }));
    skipped = 0;
    open.lines.push(line);
  });
  return {
    hunks, skippedAfter: skipped, whole: !parts,
    added: lines.filter((line) => line.kind === "+").length, removed: lines.filter((line) => line.kind === "-").length,
  };
}
