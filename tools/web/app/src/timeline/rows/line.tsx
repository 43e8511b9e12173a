/** Events that are one line each. */
import { NoticeLevel, PlanStatus, type PlanEntry } from "@libremote/link/messages";
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "../../parts/icon.tsx";
import { count } from "../../parts/words.ts";
import { exact, fromBytes, hostOf, oneLine, prose, safeUrl } from "../clean.ts";
import { flagOf, useScope } from "../context.ts";
import { stateOf } from "../fold.ts";
import type { Item } from "../items.ts";
import { byWords, outcomeWords, REMOTE_MODES, tookWords, usageWords } from "../words.ts";
import { Whole } from "./asset.tsx";
import { Markdown } from "./markdown.tsx";
import { At, Inner } from "./message.tsx";
import { Summary } from "./summary.tsx";

export function Note({ icon, tone = "", children, item }: { icon: IconName; tone?: string; children: ComponentChildren; item: Item }) {
  return (
    <div class={`tl-line${tone ? ` tone-${tone}` : ""}`}>
      <Icon name={icon} />
      <span class="tl-line-words" dir="auto">{children}</span>
      <Inner agentId={item.agentId} />
      <At ms={item.atMs} />
    </div>
  );
}

const colon = (text: string): string => (text ? `: ${oneLine(text)}` : "");

/** Something long below a line, folded. */
function Folded({ item, icon, label, children }: { item: Item; icon: IconName; label: ComponentChildren; children: ComponentChildren }) {
  const { store, list } = useScope();
  const open = flagOf(store, `open:${item.key}`, false);
  return (
    <div class="tl-folded">
      <button type="button" class="tl-fold" aria-expanded={open.value} onClick={() => {
        list.keep(item);
        open.value = !open.value;
      }}>
        <Icon name={icon} />
        <span class="tl-fold-words">{label}</span>
        <At ms={item.atMs} />
      </button>
      {open.value && children}
    </div>
  );
}

const PLAN_MARKS: { readonly [K in PlanStatus]: [string, string] } = {
  [PlanStatus.UNSPECIFIED]: ["☐", "To do"], [PlanStatus.PENDING]: ["☐", "To do"], [PlanStatus.IN_PROGRESS]: ["▶", "Now"], [PlanStatus.COMPLETED]: ["☑", "Done"],
};

export function PlanList({ entries }: { entries: readonly PlanEntry[] }) {
  return (
    <ul class="plan-list">
      {entries.map((entry, index) => {
        const [mark, words] = PLAN_MARKS[entry.status] ?? PLAN_MARKS[PlanStatus.PENDING];
        return (
          <li key={index} class={`plan-${words === "To do" ? "todo" : words.toLowerCase()}`} data-status={words.toLowerCase()}>
            <span class="plan-mark" aria-hidden="true">{mark}</span>
            <span class="hidden-words">{words}: </span>
            <span dir="auto">{oneLine(entry.text, 1024)}</span>
            {entry.priority === 1 && entry.status !== PlanStatus.COMPLETED && <span class="plan-high small"> important</span>}
          </li>
        );
      })}
    </ul>
  );
}

export const planWords = (entries: readonly PlanEntry[]): string => {
  const now = entries.find((entry) => entry.status === PlanStatus.IN_PROGRESS);
  const done = entries.filter((entry) => entry.status === PlanStatus.COMPLETED).length;
  return `plan: ${done} of ${entries.length} done${now ? ` · now: ${oneLine(now.text, 120)}` : ""}`;
};

export function LineRow({ item }: { item: Item<"line"> }) {
  const { body } = stateOf(item);
  switch (body.case) {
    case "notice": {
      const { level, text, url } = body.value;
      const tone = level === NoticeLevel.ERROR ? "bad" : level === NoticeLevel.WARNING ? "warn" : "info";
      const href = url ? safeUrl(url) : undefined;
      return (
        <Note item={item} tone={tone} icon={tone === "bad" ? "error" : tone === "warn" ? "warning" : "info"}>
          {tone === "bad" && <strong>Error: </strong>}{tone === "warn" && <strong>Warning: </strong>}{prose(text)}
          {href && <> <a href={href} target="_blank" rel="noopener noreferrer">{hostOf(href)}</a></>}
          {url && !href && <> <code>{exact(url)}</code></>}
        </Note>
      );
    }
    case "sessionStarted": {
      const s = body.value;
      return (
        <Note item={item} icon="terminal">
          session started: <strong>{oneLine(s.agent) || "an agent"}</strong>{s.agentVersion && ` ${oneLine(s.agentVersion)}`}
          {s.host && ` on ${oneLine(s.host)}`}
          {s.cwd.length > 0 && <> in <code dir="ltr">{exact(fromBytes(s.cwd))}</code></>}
          {s.branch && <>, branch <code>{exact(s.branch)}</code></>}
        </Note>
      );
    }
    case "sessionResumed": {
      const { unknownSince, sinceMs, agentHistoryLoaded } = body.value;
      const gap = sinceMs ? `nothing is known of the ${tookWords(item.atMs - Number(sinceMs)) || "moment"} between` : "";
      return (
        <Note item={item} icon="refresh" tone="warn">
          session resumed by a new host process{colon(unknownSince || gap)}
          {!agentHistoryLoaded && "; the agent did not load its earlier conversation"}
        </Note>
      );
    }
    case "sessionEnded":
      return <Summary item={item} ended={body.value} />;
    case "remoteModeChanged":
      return <Note item={item} icon="eye">remote control: {REMOTE_MODES[body.value.mode] ?? "off"}{byWords(body.value.by) && ", set"}{byWords(body.value.by)}{colon(body.value.reason)}</Note>;
    case "titleChanged":
      return <Note item={item} icon="edit">title: {oneLine(body.value.title)}{byWords(body.value.by)}</Note>;
    case "contextCleared":
      return <Note item={item} icon="cut" tone="info">the agent’s context was cleared{colon(body.value.reason)}; what stands above is history only</Note>;
    case "historyRewound":
      return <Note item={item} icon="undo" tone="info">the conversation was rewound{colon(body.value.reason)}; what was taken back is struck out</Note>;
    case "modesChanged": {
      const { modes, currentModeId, by } = body.value;
      return <Note item={item} icon="settings">mode: <ModeName id={currentModeId} name={modes.find((mode) => mode.modeId === currentModeId)?.name} />{byWords(by) && ", set"}{byWords(by)}</Note>;
    }
    case "permissionModeChanged":
      return (
        <Note item={item} icon="key" tone={body.value.elevated ? "warn" : ""}>
          permission mode{body.value.elevated && " (asks less than usual)"}: {oneLine(body.value.mode)}{byWords(body.value.by) && ", set"}{byWords(body.value.by)}
        </Note>
      );
    case "configOptionsChanged":
      return (
        <Note item={item} icon="settings">
          options changed{byWords(body.value.by)}{item.news?.length === 0 && " · all are as they were"}
          {body.value.options.filter((option) => item.news?.includes(option.optionId) ?? true).slice(0, 8)
            .map((option) => ` · ${oneLine(option.name || option.optionId, 60)} = ${oneLine(option.currentValue, 60)}`)}
        </Note>
      );
    case "planUpdated":
      if (item.repeats) return <Note item={item} icon="plan">{planWords(body.value.entries)}</Note>;
      return (
        <div class="plan-card">
          <p class="small muted"><Icon name="plan" /> {planWords(body.value.entries)}</p>
          <PlanList entries={body.value.entries} />
        </div>
      );
    case "planDocumentChanged":
      if (!body.value.text) return <Note item={item} icon="plan">plan document deleted</Note>;
      return (
        <Folded item={item} icon="plan" label="plan document">
          <Markdown text={body.value.text} item={item} />
          <Whole id={body.value.assetId} name="plan.md" mediaType="text/markdown" />
        </Folded>
      );
    case "keepAliveChanged":
      return (
        <Note item={item} icon="clock">
          keep-alive: {oneLine(body.value.mode)}
          {Number(body.value.untilMs) > item.atMs && ` (${tookWords(Number(body.value.untilMs) - item.atMs)})`}{byWords(body.value.by)}
        </Note>
      );
    case "deviceAttached":
      return <Note item={item} icon="devices">{oneLine(body.value.device?.name ?? "") || "a device"} is attached now</Note>;
    case "deviceDetached":
      return <Note item={item} icon="devices">{oneLine(body.value.device?.name ?? "") || "a device"} has left</Note>;
    case "commandOutcome":
      return <Note item={item} icon="warning" tone="warn">{outcomeWords(body.value)}</Note>;
    case "agentExtension":
      return (
        <Folded item={item} icon="more" label={<>the agent says <code>{exact(`${body.value.namespace} ${body.value.name}`.trim())}</code></>}>
          <pre class="out-text wrapped" dir="ltr" tabIndex={0} aria-label="As the agent said it"><code>{exact(body.value.json?.text ?? "")}</code></pre>
          <Whole id={body.value.json?.assetId ?? ""} name="words.json" mediaType="application/json" />
        </Folded>
      );
    default:
      return null;
  }
}

function ModeName({ id, name }: { id: string; name: string | undefined }) {
  const { model } = useScope();
  const known = name || model.view.value?.modes.find((mode) => mode.modeId === id)?.name;
  return <strong>{oneLine(known || id, 80)}</strong>;
}

export function TurnRow({ item }: { item: Item<"turn"> }) {
  const { ended, startedMs } = stateOf(item);
  if (!ended) return null;
  const took = startedMs ? tookWords(item.atMs - startedMs) : "";
  const facts = [took, ...usageWords(ended.usage)].filter(Boolean);
  const odd = ended.stopReason && ended.stopReason !== "end_turn" ? `: ${oneLine(ended.stopReason, 63)}` : "";
  return (
    <Note item={item} icon={ended.error ? "error" : "check"} tone={ended.error ? "bad" : ""}>
      turn ended{odd}{colon(ended.error)}{byWords(ended.cancelledBy)}{facts.length > 0 && <span class="muted"> · {facts.join(" · ")}</span>}
    </Note>
  );
}

export function SubagentRow({ item }: { item: Item<"subagent"> }) {
  const { started, ended } = stateOf(item);
  const name = oneLine(started?.name || item.key.slice(2), 80);
  const state = ended ? (ended.failed ? "failed" : "ended") : "works";
  return (
    <Folded item={item} icon="people" label={
      <span class={ended?.failed ? "tone-bad" : ""}>sub-agent {state}: <strong>{name}</strong>{colon((ended?.text || started?.task || "").slice(0, 200))}</span>
    }>
      {started?.task && <><p class="small muted">Its task</p><Markdown text={started.task} item={item} /></>}
      {ended?.text && <><p class="small muted">{ended.failed ? "Why it failed" : "What it found"}</p><Markdown text={ended.text} item={item} /></>}
    </Folded>
  );
}

export function CompactionRow({ item }: { item: Item<"compaction"> }) {
  const { ended } = stateOf(item);
  if (!ended) return <Note item={item} icon="cut">{item.closed ? "the agent compacted its context" : "the agent compacts its context"}</Note>;
  if (!ended.summary) return <Note item={item} icon="cut">compaction ended{colon(ended.status)}</Note>;
  return <Folded item={item} icon="cut" label={`the agent compacted its context${colon(ended.status)}`}><Markdown text={ended.summary} item={item} /></Folded>;
}

export function GapRow({ item }: { item: Item<"gap"> }) {
  const { store, model } = useScope();
  const { from, to, front } = stateOf(item);
  const oldest = front ? Number(model.status.value?.eventsFirst ?? 0) : from;
  const loading = store.loading.value?.before === to;
  const trouble = store.trouble.value;
  const left = Math.max(0, to - oldest);
  return (
    <div class="tl-gap">
      <button type="button" class="button" data-testid="load-earlier" aria-busy={loading} onClick={() => void store.load(to)}>
        {loading ? <span class="spinner" aria-hidden="true" /> : <Icon name={front ? "up" : "refresh"} />}
        {loading ? "Loading" : front ? "Load earlier" : "Load"} · {count(left, "event")} not loaded
      </button>
      {loading && <button type="button" class="tl-more" onClick={() => store.cancelLoading("Stopped.")}>Stop</button>}
      {trouble && !loading && <p class="small muted" role="status">{trouble}</p>}
    </div>
  );
}

export function EdgeRow({ item }: { item: Item<"edge"> }) {
  const { what, unreadable } = stateOf(item);
  return (
    <p class="tl-edge small muted">
      {what === "beginning" ? "The session begins here." : "Older history was trimmed: this is what is left of it."}
      {unreadable > 0 && ` ${count(unreadable, "event")} could not be read.`}
    </p>
  );
}
