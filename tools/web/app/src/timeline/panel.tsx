/** Beside the conversation: the plan, what is used, what waits, and the session's facts. */
import { useEffect } from "preact/hooks";
import { useComputed, useSignal } from "@preact/signals";
import { hex } from "@libremote/link";
import { Icon } from "../parts/icon.tsx";
import { RelativeTime } from "../parts/time.tsx";
import { count } from "../parts/words.ts";
import type { SessionModel } from "../state/session.ts";
import { exact, fromBytes, oneLine } from "./clean.ts";
import type { Held } from "./digest.ts";
import { stateOf } from "./fold.ts";
import { PlanList, planWords } from "./rows/line.tsx";
import { CopyButton } from "./rows/output.tsx";
import { actorWords, costWords, REMOTE_MODES, shortNumber } from "./words.ts";

export function SidePanel({ model }: { model: SessionModel }) {
  return (
    <div class="panel">
      <Plan model={model} />
      <UsagePart model={model} />
      <Queue model={model} />
      <Subagents model={model} />
      <Facts model={model} />
    </div>
  );
}

function Plan({ model }: { model: SessionModel }) {
  const entries = useComputed(() => model.view.value?.plan ?? []).value;
  return (
    <section class="panel-part" data-testid="plan" aria-label="Plan">
      <h2><Icon name="plan" /> Plan</h2>
      {entries.length === 0 ? <p class="small muted">The agent has told no plan.</p> : (
        <>
          <p class="small muted">{planWords(entries)}</p>
          <PlanList entries={entries} />
        </>
      )}
    </section>
  );
}

function UsagePart({ model }: { model: SessionModel }) {
  const view = model.view.value;
  const [tokens, size] = [Number(view?.contextTokens ?? 0), Number(view?.contextSize ?? 0)];
  const told = tokens > 0 || size > 0 || Boolean(view?.costMicros);
  const share = size > 0 ? Math.min(1, tokens / size) : 0;
  return (
    <section class="panel-part" data-testid="usage" aria-label="Usage">
      <h2><Icon name="pulse" /> Usage</h2>
      {!told && <p class="small muted">The agent has told no figures.</p>}
      {(tokens > 0 || size > 0) && (
        <>
          <p class="small">{shortNumber(tokens)}{size > 0 && ` of ${shortNumber(size)}`} tokens in context{size > 0 && ` (${Math.round(share * 100)} %)`}</p>
          {size > 0 && <meter min={0} max={1} high={0.8} value={share} aria-label="Context used" />}
        </>
      )}
      {view && view.costMicros > 0n && <p class="small">{costWords(view.costMicros, view.costCurrency)} so far</p>}
    </section>
  );
}

function Queue({ model }: { model: SessionModel }) {
  const queue = model.view.value?.queue ?? [];
  if (queue.length === 0) return null;
  return (
    <section class="panel-part" aria-label="Queue">
      <h2><Icon name="queue" /> {count(queue.length, "prompt")} {queue.length === 1 ? "waits" : "wait"}</h2>
      <ol class="panel-list">
        {queue.map((prompt) => (
          <li key={prompt.promptId} dir="auto">{oneLine(prompt.text, 200)} <span class="small muted">{actorWords(prompt.by)}</span></li>
        ))}
      </ol>
    </section>
  );
}

function Subagents({ model }: { model: SessionModel }) {
  const store = model.timeline;
  void store.list.value;
  const ids = model.view.value?.subagents ?? [];
  if (ids.length === 0) return null;
  return (
    <section class="panel-part" aria-label="Sub-agents">
      <h2><Icon name="people" /> {count(ids.length, "sub-agent")} {ids.length === 1 ? "works" : "work"}</h2>
      <ul class="panel-list">
        {ids.map((id) => {
          const item = store.find(`s:${id}`);
          const started = item?.is("subagent") ? stateOf(item).started : undefined;
          return <li key={id} dir="auto">{oneLine(started?.name || id, 80)}{started?.task && <span class="small muted"> {oneLine(started.task, 160)}</span>}</li>;
        })}
      </ul>
    </section>
  );
}

function Fact({ name, value, code = false }: { name: string; value: string; code?: boolean }) {
  if (!value) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{code ? <code dir="ltr">{value}</code> : <bdi>{value}</bdi>}</dd>
    </>
  );
}

function Facts({ model }: { model: SessionModel }) {
  const view = model.view.value;
  const s = view?.session;
  const store = model.timeline;
  void store.list.value;
  const began = store.model.items.slice(0, 8).find((item) => item.is("line") && stateOf(item).body.case === "sessionStarted")?.atMs;
  return (
    <section class="panel-part" aria-label="Facts">
      <h2><Icon name="info" /> Facts</h2>
      <dl class="facts">
        <Fact name="Agent" value={s ? `${oneLine(s.agent)} ${oneLine(s.agentVersion)}`.trim() : ""} />
        <Fact name="Protocol" value={oneLine(s?.agentProtocol ?? "")} />
        <Fact name="Host" value={s ? [oneLine(s.host), oneLine(s.os)].filter(Boolean).join(", ") : ""} />
        <Fact name="Folder" value={s ? exact(fromBytes(s.cwd)) : ""} code />
        <Fact name="Repository" value={exact(s?.repository ?? "")} code />
        <Fact name="Branch" value={exact(s?.branch ?? "")} code />
        {began !== undefined && <><dt>Began</dt><dd><RelativeTime at={began} /></dd></>}
        <Fact name="Remote" value={view ? REMOTE_MODES[view.remoteMode] ?? "" : ""} />
        <Fact name="Permission mode" value={oneLine(view?.permissionMode ?? "")} />
        <Fact name="Keep-alive" value={oneLine(view?.keepAlive ?? "")} />
        <dt>Session</dt>
        <dd><code dir="ltr" title={model.id}>{model.id.slice(0, 8)}</code> <CopyButton text={() => model.id} /></dd>
      </dl>
      <DigestPart model={model} />
    </section>
  );
}

/** Made a moment after the last event, not with each, and never for long at a time. */
function DigestPart({ model }: { model: SessionModel }) {
  const store = model.timeline;
  const held = useSignal<Held | undefined>(undefined);
  const changes = store.digest.changed.value;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const work = () => {
      if (store.digest.work(6)) held.value = store.digest.read();
      else timer = setTimeout(work, 0);
    };
    timer = setTimeout(work, held.peek() ? 300 : 0);
    return () => clearTimeout(timer);
  }, [changes, store]);
  const now = held.value;
  if (!now) return <p class="small muted">No events are held yet.</p>;
  const epoch = hex(model.session.position.epoch);
  return (
    <div class="digest" data-testid="session-digest" data-epoch={epoch} data-from={now.from} data-to={now.to} data-sha256={now.sha256}>
      <dl class="facts">
        <dt>Log</dt>
        <dd><code dir="ltr">{epoch.slice(0, 8)}</code>, offset {now.to.toLocaleString()}</dd>
        <dt>Held here</dt>
        <dd>events {now.from.toLocaleString()} to {now.to.toLocaleString()}, SHA-256 <code class="digest-sum" dir="ltr">{now.sha256}</code></dd>
      </dl>
    </div>
  );
}
