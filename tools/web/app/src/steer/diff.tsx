/** A change that is asked for, line by line. What is hidden in a line is shown by name: it is decided by. */
import { useState } from "preact/hooks";
import type { Diff } from "@libremote/link/messages";
import { Button, count } from "../parts/index.ts";
import type { Line } from "../timeline/changes.ts";
import { compared } from "../timeline/rows/diff.tsx";
import { Foreign } from "./foreign.tsx";

const LINES_STEP = 400;
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

export function AskDiff({ diff, path }: { diff: Diff; path: string }) {
  const change = compared(diff);
  const [room, setRoom] = useState(LINES_STEP);
  const total = change.hunks.reduce((sum, hunk) => sum + hunk.lines.length, 0);
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
        {total > room && <Button kind="quiet" onClick={() => setRoom(room + LINES_STEP)}>Show {Math.min(LINES_STEP,
          total - room)} more of {total} lines</Button>}
      </div>
      {cut && <p class="small cut">Cut here: the texts are longer than a card holds. The conversation has a link to all of it.</p>}
    </figure>
  );
}
