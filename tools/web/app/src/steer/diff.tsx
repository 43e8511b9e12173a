/** A change that is asked for, line by line. What is hidden in a line is shown by name: it is decided by. */
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { Diff } from "@libremote/link/messages";
import { Button, count } from "../parts/index.ts";
import type { Line } from "../timeline/changes.ts";
import { compared } from "../timeline/rows/diff.tsx";
import { Foreign } from "./foreign.tsx";
import { plainText, short } from "./foreign.ts";

/** Lines that are shown until somebody asks for more; then so many at a time. */
const LINES_FIRST = 12;
const LINES_STEP = 400;
/** No line that says "2 more" in the place of those two. */
const LINES_SPARED = 3;
const names = { "+": "added", "-": "removed", " ": "same" } as const;
const spoken = { "+": "Added: ", "-": "Removed: ", " ": "" } as const;

function Row({ line }: { line: Line }) {
  return (
    <div class={`diff-line ${names[line.kind]}`}>
      <span class="diff-number" aria-hidden="true">{line.after || line.before}</span>
      <span class="diff-sign" aria-hidden="true">{line.kind}</span>
      <span class="diff-text">
        {spoken[line.kind] && <span class="hidden-words">{spoken[line.kind]}</span>}
        {line.words.map((word, at) => word.changed ? <mark key={at}><Foreign text={word.text} /></mark> : <Foreign key={at}
          text={word.text} />)}
      </span>
    </div>
  );
}

interface Props {
  diff: Diff;
  path: string;
  /** Changes of the same file before it on the card. */
  again: number;
  /** Told how many lines of it are not shown. */
  onHidden(what: string, lines: number): void;
}

export function AskDiff({ diff, path, again, onHidden }: Props) {
  const change = compared(diff);
  const total = change.hunks.reduce((sum, hunk) => sum + hunk.lines.length, 0);
  const [asked, setAsked] = useState(0);
  const room = asked > 0 ? asked : total > LINES_FIRST + LINES_SPARED ? LINES_FIRST : total;
  const hidden = Math.max(0, total - room);
  const what = `change of ${short(plainText(path || "a file"), 60)}${again > 0 ? ` (${again + 1})` : ""}`;
  useLayoutEffect(() => onHidden(what, hidden), [what, hidden]);
  useEffect(() => () => onHidden(what, 0), [what]);
  let left = room;
  const cut = diff.oldAssetId !== "" || diff.newAssetId !== "";
  return (
    <figure class="ask-diff" data-testid="diff">
      <figcaption>
        <code dir="ltr"><Foreign text={path || "a file"} oneLine /></code>
        <span class="small muted">{diff.newFile ? "new file, " : ""}<span class="plus">+{change.added}</span> <span
          class="minus">−{change.removed}</span></span>
      </figcaption>
      <div class="diff-lines" tabindex={0} role="region" aria-label={`change of ${path}`} dir="ltr">
        {change.hunks.map((hunk, at) => {
          const lines = hunk.lines.slice(0, Math.max(0, left));
          left -= hunk.lines.length;
          return lines.length > 0 && (
            <div class="diff-hunk" key={at}>
              {hunk.skipped > 0 && <p class="diff-skipped">{count(hunk.skipped, "line")} unchanged</p>}
              {lines.map((line, index) => <Row key={index} line={line} />)}
            </div>
          );
        })}
        {total === 0 && <p class="diff-skipped">The texts are the same.</p>}
      </div>
      {hidden > 0 && <Button kind="quiet" icon="down" class="exact-more" data-testid="diff-more"
        onClick={() => setAsked((asked > 0 ? asked : 0) + LINES_STEP)}>{count(hidden, "more line")}: show {hidden > LINES_STEP ? LINES_STEP
        : "all"}</Button>}
      {cut && <p class="small cut">Cut here: the texts are longer than a card holds. The conversation has a link to all of it.</p>}
    </figure>
  );
}
