/** One session of the list. */
import { hex } from "@libremote/link";
import { RemoteMode, Status, type OpenAskInfo, type SessionEntry } from "@libremote/link/messages";
import { Badge, count, duration, Icon, IconButton, relayNow, RelativeTime } from "../parts/index.ts";
import { pathText, statusWords, titleOf } from "../presence/status.ts";
import { isLive } from "../presence/facts.ts";
import { ended } from "./order.ts";

/** A host that was away for that long may not come back by itself. */
const RESUME_AFTER_MS = 60_000;

/** Remote control was switched off, so the host has gone by itself. */
const off = (entry: SessionEntry): boolean => entry.info?.remoteMode === RemoteMode.OFF && entry.status?.hostAttached === false;

function awayFor(entry: SessionEntry): number {
  return entry.status && !entry.status.hostAttached ? relayNow.value - Number(entry.status.hostSinceMs) : 0;
}

export function SessionItem({ entry, onDelete }: { entry: SessionEntry; onDelete(): void }) {
  const id = hex(entry.sessionId);
  const { info, description } = entry;
  const over = ended(entry);
  const away = !isLive.value || !entry.status?.hostAttached;
  const status = statusWords(info?.status ?? Status.UNSPECIFIED, away);
  const title = titleOf(entry);
  const fact = hostFact(entry);
  return (
    <li class={`session-item card${(info?.asksTotal ?? 0) > 0 && !over ? " asks" : ""}`} data-testid="session-item" data-session={id}>
      <div class="session-item-head">
        <h2><a href={`#/s/${id}`} class="session-item-link"><bdi>{title}</bdi></a></h2>
        {(over || !entry.status?.hostAttached) && (
          <IconButton icon="trash" label={`Delete “${title}”`} onClick={onDelete} class="session-item-delete" />
        )}
      </div>
      <p class="session-item-status">
        <Badge tone={status.tone} icon={status.icon}>{status.words}</Badge>
        {info && info.statusSinceMs > 0n && !over && !away && <RelativeTime at={info.statusSinceMs} since class="muted small" />}
        {info?.activity && !over && <span class="one-line"><bdi>{info.activity}</bdi></span>}
      </p>
      {!over && info && info.asks.length > 0 && (
        <ul class="session-item-asks">
          {info.asks.map((ask) => <li key={hex(ask.askId)}><AskLink session={id} ask={ask} folder={pathText(description?.cwd)} /></li>)}
          {info.asksTotal > info.asks.length && <li class="small">and {count(info.asksTotal - info.asks.length, "more question")}</li>}
        </ul>
      )}
      {info && info.planTotal > 0 && !over && (
        <p class="session-item-plan small">
          <progress max={info.planTotal} value={info.planDone} aria-label="Plan" />
          <bdi>{info.planDone} of {info.planTotal} steps</bdi>
        </p>
      )}
      <p class="session-item-facts muted small">
        <Where parts={[description?.agent, description?.host, description?.repository || pathText(description?.cwd), description?.branch]} />
        {fact && <span><bdi>{fact}</bdi></span>}
        {(over || away || info?.status === Status.WORKING) && <span><bdi>active <RelativeTime at={entry.activityMs} /></bdi></span>}
      </p>
      {off(entry) && !over && <p class="small muted">It goes on at its host. <code>/remote on</code> there shows it here again.</p>}
      {(over || (!off(entry) && awayFor(entry) > RESUME_AFTER_MS)) && (
        <p class="small muted">Go on with it{description?.host ? <> on <bdi>{description.host}</bdi></> : ""}: <code>remote host --resume {id.slice(0, 8)}</code></p>
      )}
    </li>
  );
}

/** What lies in the session's folder is told from there: the folder stands below, and a phone's line is short. */
const fromFolder = (text: string, folder: string): string =>
  folder.length > 3 && !text.includes("..") ? text.replaceAll(folder.endsWith("/") ? folder : `${folder}/`, "") : text;

function AskLink({ session, ask, folder }: { session: string; ask: OpenAskInfo; folder: string }) {
  const labels = ask.options.map((option) => option.label).filter(Boolean);
  return (
    <a class="session-item-ask" href={`#/s/${session}/ask/${hex(ask.askId)}`}>
      <Icon name="ask" />
      <span>
        <span class="session-item-ask-text"><bdi>Asks: <bdi>{fromFolder(ask.text, folder) || "a question"}</bdi></bdi></span>
        {labels.length > 0 && <span class="small muted"><bdi>{labels.join(" · ")}</bdi></span>}
      </span>
      <Icon name="forward" />
    </a>
  );
}

function Where({ parts }: { parts: (string | undefined)[] }) {
  return <bdi class="session-item-where">{parts.filter(Boolean).join(" · ")}</bdi>;
}

/** What the relay last said of the host, unless it is there; without a connection it is not said as if it were now. */
function hostFact(entry: SessionEntry): string {
  const status = entry.status;
  if (!status || ended(entry)) return "";
  const since = Number(status.hostSinceMs);
  if (!isLive.value) return status.hostAttached ? "host was connected" : "host was away";
  if (status.hostAttached) return "";
  if (off(entry)) return `remote off ${duration(relayNow.value - since)}`;
  return since === 0 ? "host not connected" : `host away ${duration(relayNow.value - since)}`;
}
