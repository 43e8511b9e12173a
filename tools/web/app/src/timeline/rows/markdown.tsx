/** Words of agents as Markdown, in pieces; of long ones the beginning and the end, until somebody wants what lies between. */
import { memo } from "../memo.ts";
import { markdownHtml, pieces } from "../markdown.ts";
import { bytes } from "../../parts/words.ts";
import { byteLength } from "../fold_text.ts";
import type { Item } from "../items.ts";
import { flagOf, useScope } from "../context.ts";
import { cutOf, fenceAt, SIDE } from "../long_text.ts";
import { signal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";

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

export function Markdown({ text, item }: { text: string; item: Item }) {
  const { store, list } = useScope();
  const all = flagOf(store, `all:${item.key}`, false);
  const room = useMemo(() => signal(STEP), []);
  // Who reads in it has its end begin where it did: what lies above the words that are read does not go.
  const begins = useRef<number | undefined>(undefined);
  const held = list.following.value ? undefined : begins.current;
  const cut = useMemo(() => cutOf(text, all.value ? room.value : SIDE, held), [text, all.value, room.value, held]);
  begins.current = cut.at;
  const head = useMemo(() => pieces(cut.head), [cut.head]);
  const fence = useMemo(() => (cut.at ? fenceAt(text, cut.at) : ""), [cut.at, cut.head]);
  const tail = useMemo(() => pieces(fence ? `${fence}\n${cut.tail}` : cut.tail), [fence, cut.tail]);
  const between = useMemo(() => (cut.at ? byteLength(text.slice(cut.head.length, cut.at)) : 0), [cut.at, cut.head]);
  return (
    <div class="md" dir="auto" onClick={(event) => void act(event)}>
      {head.map((piece, index) => <Piece key={index} text={piece} />)}
      {between > 0 && (
        <p class="tl-cut">
          <button type="button" class="tl-more" onClick={() => {
            list.keep(item);
            if (all.value) room.value += STEP;
            else all.value = true;
          }}>
            Show {between > STEP && `${bytes(STEP)} of `}the {bytes(between)} between
            ({bytes(byteLength(cut.head) + between + byteLength(cut.tail))} in all)
          </button>
        </p>
      )}
      {tail.map((piece, index) => <Piece key={`${cut.at}:${index}`} text={piece} />)}
    </div>
  );
}
