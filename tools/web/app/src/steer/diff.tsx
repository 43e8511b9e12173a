/** A change that is asked for, line by line. What is hidden in a line is shown by name: it is decided by. */
import { useMemo } from "preact/hooks";
import { structuredPatch } from "diff";
import type { Diff } from "@libremote/link/messages";
import { Foreign } from "./foreign.tsx";

const TIME_MS_MAX = 500;

interface Line {
  sign: "+" | "-" | " " | "\\";
  text: string;
  old: number;
  next: number;
}
interface Hunk {
  lines: Line[];
}

function hunksOf(diff: Diff): Hunk[] | undefined {
  const patch = structuredPatch("", "", diff.oldText, diff.newText, "", "", { context: 3, timeout: TIME_MS_MAX });
  return patch?.hunks.map((hunk) => {
    let old = hunk.oldStart;
    let next = hunk.newStart;
    const lines = hunk.lines.map((line): Line => {
      const sign = line.charAt(0) as Line["sign"];
      const entry = { sign, text: line.slice(1), old, next };
      if (sign === "-" || sign === " ") old++;
      if (sign === "+" || sign === " ") next++;
      return entry;
    });
    return { lines };
  });
}

const kinds = { "+": "added", "-": "removed", " ": "same", "\\": "note" } as const;

export function AskDiff({ diff, path }: { diff: Diff; path: string }) {
  const hunks = useMemo(() => hunksOf(diff), [diff]);
  const all = hunks?.flatMap((hunk) => hunk.lines) ?? [];
  const added = all.filter((line) => line.sign === "+").length;
  const removed = all.filter((line) => line.sign === "-").length;
  const cut = diff.oldAssetId !== "" || diff.newAssetId !== "";
  return (
    <figure class="ask-diff" data-testid="diff">
      <figcaption>
        <code dir="ltr"><Foreign text={path} oneLine /></code>
        <span class="small muted">{diff.newFile ? "new file, " : ""}<span class="plus">+{added}</span> <span class="minus">−{removed}</span></span>
      </figcaption>
      {hunks ? (
        <div class="diff-lines" tabindex={0} role="region" aria-label={`change of ${path}`} dir="ltr">
          {hunks.map((hunk, at) => (
            <div class="diff-hunk" key={at}>
              {hunk.lines.map((line, index) => (
                <div class={`diff-line ${kinds[line.sign]}`} key={index}>
                  <span class="diff-number" aria-hidden="true">{line.sign === "\\" ? "" : line.sign === "-" ? line.old : line.next}</span>
                  <span class="diff-sign">{line.sign}</span>
                  <span class="diff-text"><Foreign text={line.text} /></span>
                </div>
              ))}
            </div>
          ))}
          {hunks.length === 0 && <p class="small muted">The texts are the same.</p>}
        </div>
      ) : (
        <div class="diff-lines"><p class="small muted">Too different to be compared here. The new text:</p><pre class="exact"><Foreign text={diff.newText} /></pre></div>
      )}
      {cut && <p class="small cut">Cut here: the texts are longer than a card holds. What follows is not shown.</p>}
    </figure>
  );
}
