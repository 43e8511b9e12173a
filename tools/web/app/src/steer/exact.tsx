/**
 * A command, an address, a path: as it is. Where a line is broken because the screen ends a mark says so. What is long is folded
 * in the middle: its beginning and its end are shown, and how much is not.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button, count } from "../parts/index.ts";
import { Foreign } from "./foreign.tsx";
import { foldOf, LINES_MARKED_MAX, splitLines } from "./fold.ts";

interface Props {
  text: string;
  what: string;
  /** How many lines of it are not shown. */
  onHidden(what: string, lines: number): void;
  /** A line of it; absent: as it is. */
  line?: (text: string) => ComponentChildren;
}

/** The beginning of the text and its end are drawn from the same lines: only the place at which they are cut differs. */
function Lines({ text, line }: Pick<Props, "text" | "line">) {
  const lines = splitLines(text);
  if (lines.length > LINES_MARKED_MAX) return <Foreign text={text} />;
  return <>{lines.map((one, at) => <span key={at} class="exact-line">{line ? line(one) : <Foreign text={one} />}</span>)}</>;
}

export function Exact({ text, what, onHidden, line }: Props) {
  const start = useRef<HTMLPreElement>(null);
  const [rows, setRows] = useState(0);
  const [low, setLow] = useState(false);
  const [open, setOpen] = useState(false);
  useLayoutEffect(() => {
    const element = start.current;
    if (!element) return;
    const measure = () => {
      const style = getComputedStyle(element);
      const height = element.scrollHeight - Number.parseFloat(style.paddingBlockStart) - Number.parseFloat(style.paddingBlockEnd);
      setRows(Math.round(height / Number.parseFloat(style.lineHeight)));
      setLow(document.documentElement.dataset.height === "low");
    };
    measure();
    const sizes = new ResizeObserver(measure);
    sizes.observe(element);
    addEventListener("resize", measure);
    visualViewport?.addEventListener("resize", measure);
    return () => {
      sizes.disconnect();
      removeEventListener("resize", measure);
      visualViewport?.removeEventListener("resize", measure);
    };
  }, [text]);
  const fold = foldOf(rows, low);
  const hidden = open || !fold ? 0 : fold.hidden;
  useLayoutEffect(() => onHidden(what, hidden), [hidden, what]);
  useEffect(() => () => onHidden(what, 0), [what]);
  const cut = hidden > 0 ? (low ? " folded low" : " folded") : "";
  return (
    <div class={`exact${cut}`}>
      <pre class="exact-start" ref={start} dir="ltr" tabindex={0} aria-label={what}><Lines text={text} line={line} /></pre>
      {fold && (
        <Button kind="quiet" class="exact-more" data-testid="exact-more" icon={open ? "up" : "down"} aria-expanded={open}
          onClick={() => setOpen(!open)}>{open ? "Fold" : `${count(hidden, "more line")}: show all`}</Button>
      )}
      {hidden > 0 && <pre class="exact-end" dir="ltr" aria-hidden="true"><span><Lines text={text} line={line} /></span></pre>}
    </div>
  );
}
