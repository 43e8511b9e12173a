/** How a session ended and what had been done in it. */
import { EndReason, type SessionEnded } from "@libremote/link/messages";
import { Icon } from "../../parts/icon.tsx";
import { count, fullTime } from "../../parts/words.ts";
import { exact, near, oneLine } from "../clean.ts";
import { flagOf, folderOf, useScope } from "../context.ts";
import { factsOf } from "../facts.ts";
import type { Item } from "../items.ts";
import { END_WORDS, TOOL_WORDS, tookWords, usageWords } from "../words.ts";
import { CopyButton } from "./output.tsx";

const FILES_MAX = 12;

export function Summary({ item, ended }: { item: Item; ended: SessionEnded }) {
  const { store, list, model } = useScope();
  void store.list.value;
  const facts = factsOf(store.model.items, item);
  const bad = ended.reason === EndReason.AGENT_FAILED || ended.reason === EndReason.HOST_FAILED;
  const all = flagOf(store, `files:${item.key}`, false);
  const how = [END_WORDS[ended.reason], ended.exitCode ? `exit ${ended.exitCode}` : "", oneLine(ended.text, 600)].filter(Boolean).join(", ");
  const resume = `remote host --resume ${model.id.slice(0, 8)}`;
  const took = facts.endedMs > facts.beganMs ? tookWords(facts.endedMs - facts.beganMs) : "";
  const files = all.value ? facts.files : facts.files.slice(0, FILES_MAX);
  return (
    <section class={`summary${bad ? " summary-bad" : ""}`} data-testid="summary" aria-label="Summary of the session">
      <h3><Icon name={bad ? "error" : "check"} /> Session ended{how ? `: ${how}` : ""}</h3>
      <dl class="facts">
        <dt>When</dt>
        <dd>{fullTime(item.atMs)}{took && `, after ${took}`}</dd>
        <dt>Work</dt>
        <dd>{count(facts.prompts, "prompt")}, {count(facts.turns, "turn")}</dd>
        {facts.tools.length > 0 && (
          <>
            <dt>Tools</dt>
            <dd>
              {facts.tools.map(([kind, n]) => `${n} ${(TOOL_WORDS[kind] || "other").toLowerCase()}`).join(", ")}
              {facts.failedTools > 0 && `; ${facts.failedTools} failed`}
            </dd>
          </>
        )}
        {facts.files.length > 0 && (
          <>
            <dt>Files changed</dt>
            <dd>
              <ul class="summary-files mono">{files.map(([path, n]) => <li key={path} dir="ltr">{exact(near(path, folderOf(model)))}{n > 1 && <span class="muted"> ×{n}</span>}</li>)}</ul>
              {facts.files.length > FILES_MAX && (
                <button type="button" class="tl-more" aria-expanded={all.value} onClick={() => {
                  list.keep(item);
                  all.value = !all.value;
                }}>{all.value ? "Fold" : `${facts.files.length - FILES_MAX} more`}</button>
              )}
            </dd>
          </>
        )}
        {(facts.answered.length > 0 || facts.unanswered > 0) && (
          <>
            <dt>Questions</dt>
            <dd>{[...facts.answered.map(([who, n]) => `${n} answered ${who.startsWith("the host") ? "at" : "by"} ${who}`), facts.unanswered ? `${facts.unanswered} not answered` : ""].filter(Boolean).join(", ")}</dd>
          </>
        )}
        {facts.usage && <><dt>Usage</dt><dd>{usageWords(facts.usage).join(" · ") || "not told"}</dd></>}
        <dt>Go on with</dt>
        <dd><code dir="ltr">{resume}</code> <CopyButton text={() => resume} /></dd>
      </dl>
      {!store.complete && <p class="small muted">Of what is loaded here; earlier events are not counted.</p>}
    </section>
  );
}
