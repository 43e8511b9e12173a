/** What is asked, large and whole. Each kind shows what it is decided by; nothing of it can look like a row of the card. */
import type { ComponentChildren } from "preact";
import { Place, type Ask, type PermissionAsk } from "@libremote/link/messages";
import { lazy } from "../frame/lazy.tsx";
import { Icon } from "../parts/index.ts";
import { askText, placeWords, titleBeside } from "./ask-words.ts";
import { Exact } from "./exact.tsx";
import { Foreign } from "./foreign.tsx";
import { pathText } from "./foreign.ts";
import { PlanText } from "./plan-text.tsx";
import { memo } from "../timeline/memo.ts";
import type { AskEntry, SteerStore } from "./store.ts";

/** Fetched when there is one. */
export const AskDiff = lazy(async () => (await import("./diff.tsx")).AskDiff);

/** Told how many lines of which text are not shown. */
type OnHidden = (what: string, lines: number) => void;

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** An address with its host standing out: that is what one goes to. */
const addressLine = (url: string): ComponentChildren => {
  const host = /^([a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?)([^/?#]*)(.*)$/is.exec(url);
  return host ? <><Foreign text={host[1]!} /><b><Foreign text={host[2]!} /></b><Foreign text={host[3]!} /></> : <Foreign text={url} />;
};

/** Within the workspace a path is told from there: the workspace stands below. */
export function pathFrom(path: Uint8Array, cwd: string): string {
  const text = pathText(path);
  const base = cwd.endsWith("/") ? cwd : `${cwd}/`;
  return cwd !== "" && text.startsWith(base) && !text.includes("/../") && text.length > base.length ? text.slice(base.length) : text;
}

/** Where it would happen and what is risky about it, before the command: a long one must not push it away. */
function Where({ ask, cwd }: { ask: PermissionAsk; cwd: string }) {
  const outside = ask.place === Place.OUTSIDE_WORKSPACE;
  const place = placeWords(ask.place);
  if (!cwd && !place && !ask.risk && !ask.server && !ask.tool) return null;
  return (
    <p class="ask-where">
      {outside && <span class="outside"><Icon name="warning" /> {place}</span>}
      {ask.risk && <span class="risk">{!outside && <Icon name="warning" />} <Foreign text={ask.risk} prose /></span>}
      {ask.tool && <span><span class="muted">tool </span><code><Foreign text={ask.tool} oneLine /></code></span>}
      {ask.server && <span><span class="muted">of the server </span><code><Foreign text={ask.server} oneLine /></code></span>}
      {cwd && <span><span class="muted">in </span><code dir="ltr"><Foreign text={cwd} oneLine /></code></span>}
      {place && !outside && <span class="muted">{place}</span>}
    </p>
  );
}

function Permission({ ask, cwd, onHidden }: { ask: PermissionAsk; cwd: string; onHidden: OnHidden }) {
  const shown = new Set(ask.diffs.map((diff) => pathFrom(diff.path, cwd)));
  const paths = ask.paths.filter((path) => !shown.has(pathFrom(path, cwd)));
  // nothing else says what it is about: the paths are it
  const bare = !ask.command && !ask.url && ask.diffs.length === 0 && paths.length > 0;
  const input = ask.input?.text && !ask.command && ask.diffs.length === 0 ? ask.input : undefined;
  // "Edit /src/a.c" above the diff of /src/a.c says nothing more
  const named = ask.diffs.some((diff) => [pathText(diff.path), pathFrom(diff.path, cwd)].some((path) =>
    ask.title.length <= path.length + 12 && ask.title.endsWith(path)));
  const titled = titleBeside(ask.title, ask.command) !== "" && ask.title !== ask.url && ask.title !== ask.tool && !named;
  return (
    <>
      <Where ask={ask} cwd={cwd} />
      {ask.command && <Exact text={ask.command} what="command" onHidden={onHidden} />}
      {bare && <Exact text={paths.map((path) => pathFrom(path, cwd)).join("\n")} what={paths.length === 1 ? "path" : "paths"}
        onHidden={onHidden} />}
      {ask.url && <Exact text={ask.url} what="address" line={addressLine} onHidden={onHidden} />}
      {titled && <p class={bare || ask.command || ask.url || ask.diffs.length > 0 ? "ask-title" : "ask-text"} dir="auto"><Foreign
        text={ask.title} prose whole /></p>}
      {ask.diffs.map((diff, at) => {
        const path = pathFrom(diff.path, cwd);
        return <AskDiff key={at} diff={diff} path={path} onHidden={onHidden}
          again={ask.diffs.slice(0, at).filter((other) => pathFrom(other.path, cwd) === path).length} />;
      })}
      {!bare && paths.length > 0 && (
        <dl class="ask-rows">
          <Fact name={paths.length === 1 ? "path" : "paths"}>
            <ul class="paths">{paths.map((path, at) => <li key={at}><code dir="ltr"><Foreign
              text={pathFrom(path, cwd)} /></code></li>)}</ul>
          </Fact>
        </dl>
      )}
      {input && (
        <>
          <Exact text={input.text} what="input" onHidden={onHidden} />
          {input.assetId && <p class="small cut">Cut here: the input has {String(input.totalBytes)} bytes; the host has all of it.</p>}
        </>
      )}
      {ask.oneTimeOnly && <p class="small muted">Policy allows one-time answers only.</p>}
    </>
  );
}

function Kind({ ask, cwd, onHidden }: { ask: Ask; cwd: string; onHidden: OnHidden }) {
  switch (ask.kind.case) {
    case "permission":
      return <Permission ask={ask.kind.value} cwd={cwd} onHidden={onHidden} />;
    case "plan":
      return (
        <>
          {ask.kind.value.summary && <p class="ask-text" dir="auto"><Foreign text={ask.kind.value.summary} prose whole /></p>}
          {ask.kind.value.text && <PlanText text={ask.kind.value.text} />}
        </>
      );
    case "openUrl":
      return (
        <>
          {ask.kind.value.text && <p class="ask-text" dir="auto"><Foreign text={ask.kind.value.text} prose whole /></p>}
          <Exact text={ask.kind.value.url} what="address" line={addressLine} onHidden={onHidden} />
        </>
      );
    default:
      return <p class="ask-text" dir="auto"><Foreign text={askText(ask)} prose whole /></p>;
  }
}

/** Drawn anew only for another ask: a change of many lines is not compared with itself while others stream. */
const Shown = memo(({ ask, cwd, onHidden }: { ask: Ask; cwd: string; onHidden: OnHidden }) => (
  <div class="ask-body">
    <Kind ask={ask} cwd={cwd} onHidden={onHidden} />
    {ask.why && <p class="ask-why"><span class="muted">why: </span><Foreign text={ask.why} prose /></p>}
  </div>
));

export function AskBody({ store, entry, onHidden }: { store: SteerStore; entry: AskEntry; onHidden: OnHidden }) {
  return <Shown ask={entry.ask} cwd={store.cwd.value} onHidden={onHidden} />;
}
