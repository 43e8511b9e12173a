/** What a program wrote, with its colours: the last lines, and all of it on demand. */
import { signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { plainLine, screenLines, spansOf, type Span } from "../ansi.ts";
import { count } from "../../parts/words.ts";
import { flagOf, useScope } from "../context.ts";
import type { Item, OutputChunk } from "../items.ts";
import { memo } from "../memo.ts";
import { copyText } from "./markdown.tsx";

/** Of text that is looked at for the folded view, bytes; lines when it is opened, and at each further step. */
const FOLDED_BYTES = 24 * 1024;
const OPEN_LINES = 500;

/** Bytes of several streams, in order of arrival, as text: characters may be cut between pieces. */
export function decodeChunks(chunks: readonly OutputChunk[]): string {
  const decoders = [new TextDecoder(), new TextDecoder(), new TextDecoder()];
  let out = "";
  for (const { stream, data } of chunks) out += decoders[stream]!.decode(data, { stream: true });
  for (const decoder of decoders) out += decoder.decode();
  return out;
}

/** The last `bytes` of them. */
export function lastChunks(chunks: readonly OutputChunk[], bytes: number): OutputChunk[] {
  let at = chunks.length;
  let have = 0;
  while (at > 0 && have < bytes) have += chunks[--at]!.data.length;
  return chunks.slice(at);
}

export function countLines(chunks: readonly OutputChunk[]): number {
  let lines = 0;
  let last = 10;
  for (const { data } of chunks) {
    for (let i = data.indexOf(10); i >= 0; i = data.indexOf(10, i + 1)) lines++;
    last = data.at(-1) ?? last;
  }
  return lines + (last === 10 ? 0 : 1);
}

const Line = memo(({ spans }: { spans: string }) => (
  <span class="out-line">
    {(JSON.parse(spans) as Span[]).map((span, index) => (span.look ? <span key={index} class={span.look}>{span.text}</span> : span.text))}
    {"\n"}
  </span>
));

export interface OutputProps {
  item: Item;
  name: string;
  /** All of it as text, made when it is wanted. */
  text(all: boolean): string;
  lines: number;
  /** Shown before it is opened. */
  folded: number;
  /** What came before is not kept. */
  dropped?: string | undefined;
}

export function Output({ item, name, text, lines, folded, dropped }: OutputProps) {
  const { store, list } = useScope();
  const open = flagOf(store, `${name}:${item.key}`, false);
  const wrap = flagOf(store, `wrap:${item.key}`, false);
  const room = useMemo(() => signal(OPEN_LINES), []);
  const wanted = open.value ? room.value : folded;
  const all = screenLines(text(open.value));
  const shown = all.slice(-wanted);
  const hidden = Math.max(0, lines - shown.length);
  const toggle = () => {
    list.keep(item);
    open.value = !open.value;
  };
  return (
    <div class={`out${wrap.value ? " wrapped" : ""}`}>
      {(hidden > 0 || open.value || dropped) && (
        <div class="out-head">
          {hidden > 0 && !open.value && (
            <button type="button" class="tl-more" aria-expanded="false" onClick={toggle}>{count(hidden, "more line")} above</button>
          )}
          {open.value && <button type="button" class="tl-more" aria-expanded="true" onClick={toggle}>Fold</button>}
          {open.value && hidden > 0 && all.length > shown.length && (
            <button type="button" class="tl-more" onClick={() => {
              list.keep(item);
              room.value += 4 * OPEN_LINES;
            }}>{count(all.length - shown.length, "earlier line")}</button>
          )}
          {dropped && <span class="muted small">{dropped}</span>}
          {open.value && (
            <>
              <button type="button" class="tl-more" aria-pressed={wrap.value} onClick={() => {
                list.keep(item);
                wrap.value = !wrap.value;
              }}>Wrap</button>
              <CopyButton text={() => screenLines(text(true)).map(plainLine).join("\n")} />
            </>
          )}
        </div>
      )}
      {shown.length > 0 && (
        <pre class="out-text" dir="ltr" tabIndex={0} aria-label="Output">
          <code>{spansOf(shown).map((spans, index) => <Line key={index} spans={JSON.stringify(spans)} />)}</code>
        </pre>
      )}
    </div>
  );
}

export function CopyButton({ text, label = "Copy" }: { text(): string; label?: string }) {
  const state = useMemo(() => signal(label), [label]);
  return (
    <button type="button" class="tl-more" onClick={() => void copyText(text()).then((done) => {
      state.value = done ? "Copied" : "Not copied";
      setTimeout(() => (state.value = label), 2000);
    })}>{state}</button>
  );
}

/** A tool's streams. */
export function StreamOutput({ item, chunks, dropped, folded }: { item: Item; chunks: readonly OutputChunk[]; dropped: number; folded: number }) {
  return (
    <Output item={item} name="out" folded={folded} lines={countLines(chunks)}
      text={(all) => decodeChunks(all ? chunks : lastChunks(chunks, FOLDED_BYTES))}
      dropped={dropped > 0 ? `${dropped.toLocaleString()} bytes before are not shown` : undefined} />
  );
}
