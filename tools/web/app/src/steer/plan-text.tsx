import { useMemo } from "preact/hooks";
import { markdownHtml, pieces } from "../timeline/markdown.ts";
import { act } from "../timeline/rows/markdown.tsx";

/** A plan as Markdown, apart from the card's own rows: its text cannot look like an option. */
export function PlanText({ text }: { text: string }) {
  const html = useMemo(() => pieces(text).map(markdownHtml), [text]);
  return (
    <div class="plan-text md" dir="auto" tabindex={0} role="region" aria-label="the plan" onClick={(event) => void act(event)}>
      {/* sanitized by markdown.ts */}
      {html.map((piece, at) => <div key={at} class="md-piece" dangerouslySetInnerHTML={{ __html: piece }} />)}
    </div>
  );
}
