/** How much of a long command is shown: its beginning and its end. What is hidden at the end is how one is deceived. */

/** More lines than this are one text, without marks where they are broken. */
export const LINES_MARKED_MAX = 600;

interface Cut {
  start: number;
  end: number;
}

/** Rows that are shown of what is folded; asks.css cuts at the same. `low`: little height, as above a keyboard. */
export const CUT: Cut = { start: 7, end: 3 };
export const CUT_LOW: Cut = { start: 3, end: 2 };

/** `rows`: as many as it takes on this screen. undefined: all of them are shown. */
export function foldOf(rows: number, low = false): { hidden: number } | undefined {
  const { start, end } = low ? CUT_LOW : CUT;
  const hidden = rows - start - end;
  return hidden > 1 ? { hidden } : undefined; // the line that says "1 more" would take the place of that one
}

export const splitLines = (text: string): string[] => text.split(/\r?\n/);
