/** One open ask: what, where, why; then what can be answered, and what became of the answer. */
import { useCallback, useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon, relayNow, RelativeTime, remaining, type IconName } from "../parts/index.ts";
import { duration } from "../parts/words.ts";
import { answerWords, askHeading, askKindName, askText, expiryWords, saysItself } from "./ask-words.ts";
import type { Answer } from "./answers.ts";
import { AskAnswer } from "./answer.tsx";
import { AskBody, AskDiff } from "./body.tsx";
import { Foreign } from "./foreign.tsx";
import { plainText } from "./foreign.ts";
import { useFoot } from "./foot.ts";
import { useGuard } from "./guard.ts";
import { CommandRow } from "./commands.tsx";
import { outcomeWords, wentWell } from "./commands.ts";
import type { AskEntry, SteerStore } from "./store.ts";

const icons: Record<string, IconName> = {
  permission: "lock", question: "ask", plan: "plan", form: "edit", open_url: "globe", limit: "warning", unknown: "ask",
};

function Expiry({ entry }: { entry: AskEntry }) {
  const until = Number(entry.ask.expiresMs);
  if (until === 0) return null;
  const left = remaining(until, relayNow.value);
  return (
    <span class={left < 60 ? "ask-expiry soon" : "ask-expiry"}>
      {left > 0 ? `${duration(left * 1000)} left, ${expiryWords(entry.ask.onExpiry)}` : "its time is up; the host has not said yet that it ended"}
    </span>
  );
}

/** Who asks and for what: the sub-agent and the tool call that waits. */
function Asker({ store, entry }: { store: SteerStore; entry: AskEntry }) {
  const { agentId, toolCallId } = entry.ask;
  const name = agentId ? store.agents.value.get(agentId) || agentId : "";
  const tool = toolCallId ? store.model.view.value?.tools.find((t) => t.toolCallId === toolCallId) : undefined;
  const title = tool?.title || tool?.name;
  // the name of a tool ("edit", "AskUserQuestion") says less than what is asked, and so does a title of what the card shows
  const told = saysItself(entry.ask) || !title?.includes(" ") || plainText(title) === plainText(askText(entry.ask));
  return (
    <>
      {name && <span>asked by the sub-agent <b><Foreign text={name} oneLine /></b></span>}
      {title && !told && <span>for <b><Foreign text={title} oneLine /></b></span>}
    </>
  );
}

export function AskCard({ store, entry, alone }: { store: SteerStore; entry: AskEntry; alone: boolean }) {
  const { ask } = entry;
  const heading = useId();
  const card = useRef<HTMLElement>(null);
  const pending = store.pendingAnswer(entry.id);
  const last = store.answers.value.get(entry.id);
  const refused = last && !pending ? store.command(last.commandId) : undefined;
  const why = store.viewOnly.value;
  // a change is not allowed before it can be read
  const change = ask.kind.case === "permission" && ask.kind.value.diffs.length > 0 ? AskDiff.state.value : "shown";
  const guard = useGuard(card, `${entry.id} ${pending ? "answered" : "open"} ${change}`);
  const [busy, setBusy] = useState(false);
  // one answer a card: not even two taps within one frame make two
  useEffect(() => setBusy(false), [pending?.id, refused?.id]);
  const answer = (given: Answer): boolean => {
    if (busy || change === "coming" || !guard.take()) return false;
    const sent = store.answer(entry, given);
    if (sent) setBusy(true);
    return sent;
  };
  // what this browser kept may be answered long since: it is read only until the session is there
  const kept = store.model.keptAt.value !== undefined;
  const [hidden, setHidden] = useState<Readonly<Record<string, number>>>({});
  const onHidden = useCallback((what: string, lines: number) => setHidden((now) => (now[what] ?? 0) === lines ? now
    : { ...now, [what]: lines }), []);
  useFoot(card);
  const off = why !== undefined || kept || change === "coming" || !guard.ready || pending !== undefined || busy;
  return (
    <article class="ask-card" ref={card} aria-labelledby={heading}>
      <header class="ask-head">
        <h2 id={heading}><Icon name={ask.kind.case === "form" && ask.kind.value.fields.length === 1 ? "ask"
          : icons[askKindName(ask)] ?? "ask"} /> {askHeading(ask)}</h2>
        <span class="ask-since muted small"><RelativeTime at={ask.openedMs} /></span>
      </header>
      <AskBody store={store} entry={entry} onHidden={onHidden} />
      <p class="ask-facts small muted">
        <Asker store={store} entry={entry} />
        <Expiry entry={entry} />
      </p>
      <div class="ask-foot">
        {refused && !wentWell(refused.facts) && (
          <p class="ask-refused" role="status">Your answer: {outcomeWords(refused.body, refused.facts,
            store.outcome(refused.id))}. The question is still open.</p>
        )}
        {why !== undefined && <p class="ask-view-only">{why}</p>}
        {why === undefined && kept && <p class="ask-view-only">This is what this browser kept. It can be answered when the session
          is connected.</p>}
        {pending ? (
          <div class="ask-given">
            <p>Your answer: <b>{answerWords(ask, last!.answer)}</b></p>
            <CommandRow store={store} command={pending} />
          </div>
        ) : (
          <AskAnswer store={store} entry={entry} off={off} keys={alone} hidden={hidden} unread={change === "failed"} answer={answer} />
        )}
      </div>
    </article>
  );
}
