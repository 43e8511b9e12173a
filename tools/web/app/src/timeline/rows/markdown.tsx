/** Words of agents and people as Markdown, in pieces; long ones are cut until somebody wants all. */
import { memo } from "../memo.ts";
import { markdownHtml, pieces } from "../markdown.ts";
import { cutText } from "../clean.ts";
import { bytes } from "../../parts/words.ts";
import { byteLength } from "../fold_text.ts";
import type { Item } from "../items.ts";
import { flagOf, useScope } from "../context.ts";
import { signal } from "@preact/signals";
import { useMemo } from "preact/hooks";

const SHOWN_MAX = 32 * 1024;
const STEP = 256 * 1024;

const Piece = memo(({ text }: { text: string }) => (
  // Sanitized by markdown.ts.
  <div class="md-piece" dangerouslySetInnerHTML={{ __html: markdownHtml(text) }} />
));

/** Copies and wraps code: the buttons are in the sanitized text. */
export async function act(event: MouseEvent): Promise<void> {
  const button = (event.target as Element).closest<HTMLButtonElement>("button[data-act]");
  const block = button?.closest(".md-code");
  if (!button || !block) return;
  if (button.dataset["act"] === "wrap") {
    const on = block.classList.toggle("wrapped");
    button.setAttribute("aria-pressed", `${on}`);
    return;
  }
  const copied = await copyText(block.querySelector("code")?.textContent ?? "");
  button.textContent = copied ? "Copied" : "Not copied";
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

/** Pages over plain HTTP have no clipboard; the old way works there. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hidden-words";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function Markdown({ text, item, streaming = false }: { text: string; item: Item; streaming?: boolean }) {
  const { store, list } = useScope();
  const all = flagOf(store, `all:${item.key}`, false);
  const room = useMemo(() => signal(STEP), []);
  const limit = all.value ? room.value : SHOWN_MAX;
  let shown = text;
  let before = 0;
  if (text.length > limit) {
    if (streaming && !all.value) {
      // What is being written is at the end; the cut moves in steps, so that pieces stay.
      const at = Math.floor((text.length - limit / 2) / (limit / 2)) * (limit / 2);
      before = text.indexOf("\n", at) + 1 || at;
      shown = text.slice(before);
    } else {
      const cut = cutText(text, limit);
      const line = cut.lastIndexOf("\n");
      shown = line > limit / 2 ? cut.slice(0, line) : cut;
    }
  }
  const left = text.length - before - shown.length;
  const cut = useMemo(() => pieces(shown), [shown]);
  return (
    <div class="md" dir="auto" onClick={(event) => void act(event)}>
      {before > 0 && <p class="tl-cut muted small">… {bytes(byteLength(text.slice(0, before)))} above; all of it when the message is complete</p>}
      {cut.map((piece, index) => <Piece key={index} text={piece} />)}
      {left > 0 && (
        <p class="tl-cut">
          <button type="button" class="tl-more" onClick={() => {
            list.keep(item);
            if (all.value) room.value += STEP;
            else all.value = true;
          }}>
            {all.value || text.length > STEP ? `Show ${bytes(Math.min(STEP, left))} more` : "Show all"} ({bytes(byteLength(text))} in all)
          </button>
        </p>
      )}
    </div>
  );
}
