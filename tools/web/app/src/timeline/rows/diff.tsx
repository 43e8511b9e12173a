/** A change of a file. */
import type { Diff } from "@libremote/link/messages";
import { useMemo } from "preact/hooks";
import { Icon } from "../../parts/icon.tsx";
import { count } from "../../parts/words.ts";
import { changeOf, type Change, type Hunk } from "../changes.ts";
import { exact, fromBytes, near } from "../clean.ts";
import { flagOf, folderOf, useScope } from "../context.ts";
import type { Item } from "../items.ts";
import { AssetLink } from "./asset.tsx";

const FOLDED_LINES = 14;
const OPEN_LINES = 1500;
const LINE_MAX = 1000;

function take(hunks: readonly Hunk[], lines: number): Hunk[] {
  const out: Hunk[] = [];
  for (const hunk of hunks) {
    if (lines <= 0) break;
    out.push(hunk.lines.length <= lines ? hunk : { ...hunk, lines: hunk.lines.slice(0, lines) });
    lines -= hunk.lines.length;
  }
  return out;
}

const MARKS = { "+": "Added", "-": "Removed", " ": "" } as const;

function HunkLines({ hunk }: { hunk: Hunk }) {
  return (
    <>
      {hunk.skipped > 0 && <div class="diff-skip muted">{count(hunk.skipped, "line")} unchanged</div>}
      {hunk.lines.map((line, index) => {
        let left = LINE_MAX;
        return (
          <div key={index} class={`diff-line ${line.kind === "+" ? "added" : line.kind === "-" ? "removed" : "same"}`}>
            <span class="diff-number" aria-hidden="true">{line.before || ""}</span>
            <span class="diff-number" aria-hidden="true">{line.after || ""}</span>
            <span class="diff-mark" aria-hidden="true">{line.kind}</span>
            {MARKS[line.kind] && <span class="hidden-words">{MARKS[line.kind]}: </span>}
            <code class="diff-words">
              {line.words.map((word, at) => {
                if (left <= 0) return null;
                const text = exact(word.text.slice(0, left));
                left -= word.text.length;
                return word.changed ? <mark key={at}>{text}</mark> : text;
              })}
              {left < 0 && <span class="muted"> … {-left} more characters</span>}
            </code>
          </div>
        );
      })}
    </>
  );
}

const cache = new WeakMap<Diff, Change>();
/** Compared once, however often it is shown. */
export function compared(diff: Diff): Change {
  let change = cache.get(diff);
  if (!change) cache.set(diff, (change = changeOf(diff.oldText, diff.newText)));
  return change;
}

/** How many lines came and went, of several. */
export function DiffCounts({ diffs }: { diffs: readonly Diff[] }) {
  const sum = (side: "added" | "removed") => diffs.reduce((all, diff) => all + compared(diff)[side], 0);
  return (
    <span class="diff-counts">
      <span class="diff-added">+{sum("added")}</span> <span class="diff-removed">−{sum("removed")}</span>
    </span>
  );
}

export function DiffView({ diff, item, name }: { diff: Diff; item: Item; name: string }) {
  const { store, list, model } = useScope();
  const change = useMemo(() => compared(diff), [diff]);
  const total = change.hunks.reduce((sum, hunk) => sum + hunk.lines.length, 0);
  const open = flagOf(store, `diff:${name}:${item.key}`, false);
  const full = fromBytes(diff.path);
  const path = exact(near(full, folderOf(model)));
  const shown = take(change.hunks, open.value ? OPEN_LINES : total <= FOLDED_LINES + 6 ? total : FOLDED_LINES);
  const left = total - shown.reduce((sum, hunk) => sum + hunk.lines.length, 0);
  const cut = diff.oldAssetId || diff.newAssetId;
  return (
    <figure class="diff" data-testid="diff" aria-label={`Change of ${path}: ${change.added} added, ${change.removed} removed`}>
      <figcaption class="diff-head">
        <Icon name={diff.newFile ? "plus" : "diff"} />
        <span class="diff-path mono" dir="ltr" title={exact(full)}>{path || "a file"}</span>
        {diff.newFile && <span class="muted small">new file</span>}
        <span class="diff-counts"><span class="diff-added">+{change.added}</span> <span class="diff-removed">−{change.removed}</span></span>
      </figcaption>
      {change.whole && <p class="tl-note muted small">Too much differs to be compared line by line.</p>}
      {total === 0 && <p class="tl-note muted small">The text is the same.</p>}
      {total > 0 && <div class="diff-body" tabIndex={0} dir="ltr">{shown.map((hunk, index) => <HunkLines key={index} hunk={hunk} />)}</div>}
      {(left > 0 || open.value) && total > FOLDED_LINES + 6 && (
        <button type="button" class="tl-more" aria-expanded={open.value} onClick={() => {
          list.keep(item);
          open.value = !open.value;
        }}>{open.value ? "Fold" : `${count(left, "more line")}`}</button>
      )}
      {open.value && left > 0 && <p class="tl-note muted small">{count(left, "more line")} not shown</p>}
      {cut && (
        <p class="tl-note muted small">
          Cut here; the whole text:{" "}
          {diff.oldAssetId && <AssetLink id={diff.oldAssetId} name="before" mediaType="text/plain" />}{" "}
          {diff.newAssetId && <AssetLink id={diff.newAssetId} name="after" mediaType="text/plain" />}
        </p>
      )}
    </figure>
  );
}
