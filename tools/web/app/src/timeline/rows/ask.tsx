/** An ask in the conversation: what was asked, and who answered what. It is answered on its card, not here. */
import type { Ask } from "@libremote/link/messages";
import { Icon } from "../../parts/icon.tsx";
import { exact, fromBytes, nearAll, oneLine, prose } from "../clean.ts";
import { flagOf, folderOf, useScope } from "../context.ts";
import { stateOf } from "../fold.ts";
import type { Item } from "../items.ts";
import { answerTone, askKindWords, askTitle, resolvedWords } from "../words.ts";
import { DiffView } from "./change.tsx";
import { Markdown } from "./markdown.tsx";
import { At, Inner } from "./message.tsx";

function Details({ ask, item }: { ask: Ask; item: Item }) {
  const kind = ask.kind;
  return (
    <div class="ask-details">
      {kind.case === "permission" && (
        <>
          {kind.value.command && <pre class="out-text wrapped" dir="ltr"><code>{exact(kind.value.command)}</code></pre>}
          {kind.value.paths.length > 0 && <p class="small mono" dir="ltr">{kind.value.paths.map((path) => exact(fromBytes(path))).join("\n")}</p>}
          {kind.value.url && <p class="small mono" dir="ltr">{exact(kind.value.url)}</p>}
          {kind.value.risk && <p class="small">Risk: {prose(kind.value.risk)}</p>}
          {kind.value.diffs.map((diff, index) => <DiffView key={index} diff={diff} item={item} name={`ask${index}`} />)}
        </>
      )}
      {kind.case === "plan" && <Markdown text={kind.value.text} item={item} />}
      {(kind.case === "question" || kind.case === "limit") && <p dir="auto">{prose(kind.value.text)}</p>}
      {ask.why && <p class="small">Why: {prose(ask.why)}</p>}
      {ask.options.length > 0 && <p class="small muted">Offered: {ask.options.map((option) => oneLine(option.label || option.optionId, 80)).join(" · ")}</p>}
    </div>
  );
}

export function AskRow({ item }: { item: Item<"ask"> }) {
  const { store, list, model } = useScope();
  const { ask, resolved, authorized } = stateOf(item);
  const open = flagOf(store, `open:${item.key}`, false);
  const tone = resolved ? answerTone(resolved) : "open";
  const ended = model.view.value?.ended ?? false;
  return (
    <div class={`ask-line ask-${tone || "other"}`}>
      <button type="button" class="tl-fold" aria-expanded={open.value} onClick={() => {
        list.keep(item);
        open.value = !open.value;
      }}>
        <Icon name="ask" />
        <span class="tl-fold-words" dir="auto">
          <span class="ask-about">{ask ? `${askKindWords(ask)}: ${oneLine(exact(nearAll(askTitle(ask), folderOf(model))), 200)}` : "A question that was asked earlier"}</span>
          <span class="ask-answer">
            {resolved ? resolvedWords(ask, resolved) : ended ? "not answered" : "waits for an answer"}
            {authorized && tone === "good" && <span class="muted"> · it has begun</span>}
          </span>
          {resolved?.answer?.comment && <span class="ask-comment" dir="auto">“{oneLine(resolved.answer.comment, 400)}”</span>}
        </span>
        <At ms={stateOf(item).resolvedMs || item.atMs} />
      </button>
      <Inner agentId={item.agentId} />
      {open.value && ask && <Details ask={ask} item={item} />}
    </div>
  );
}
