/** What is asked, large and whole. Each kind shows what it is decided by; nothing of it can look like a row of the card. */
import type { ComponentChildren } from "preact";
import { Place, type Ask, type PermissionAsk } from "@libremote/link/messages";
import { Icon } from "../parts/index.ts";
import { askText, placeWords, titleBeside } from "./ask-words.ts";
import { AskDiff } from "./diff.tsx";
import { Foreign } from "./foreign.tsx";
import { pathText } from "./foreign.ts";
import { PlanText } from "./plan-text.tsx";
import { memo } from "../timeline/memo.ts";
import type { AskEntry, SteerStore } from "./store.ts";

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A command, an address, a path: as it is, in its own lines. */
function Exact({ text, what }: { text: string; what: string }) {
  return <pre class="exact" dir="ltr" tabindex={0} aria-label={what}><Foreign text={text} /></pre>;
}

/** An address with its host standing out: that is what one goes to. */
export function Address({ url }: { url: string }) {
  const host = /^([a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?)([^/?#]*)(.*)$/is.exec(url);
  return (
    <pre class="exact" dir="ltr" tabindex={0} aria-label="address">
      {host ? <><Foreign text={host[1]!} /><b><Foreign text={host[2]!} /></b><Foreign text={host[3]!} /></> : <Foreign text={url} />}
    </pre>
  );
}

/** Within the workspace a path is told from there: the workspace stands below. */
export function pathFrom(path: Uint8Array, cwd: string): string {
  const text = pathText(path);
  const base = cwd.endsWith("/") ? cwd : `${cwd}/`;
  return cwd !== "" && text.startsWith(base) && !text.includes("/../") && text.length > base.length ? text.slice(base.length) : text;
}

function Permission({ ask, cwd }: { ask: PermissionAsk; cwd: string }) {
  const shown = new Set(ask.diffs.map((diff) => pathFrom(diff.path, cwd)));
  const paths = ask.paths.filter((path) => !shown.has(pathFrom(path, cwd)));
  // nothing else says what it is about: the paths are it
  const bare = !ask.command && !ask.url && ask.diffs.length === 0 && paths.length > 0;
  const outside = ask.place === Place.OUTSIDE_WORKSPACE;
  const input = ask.input?.text && !ask.command && ask.diffs.length === 0 ? ask.input : undefined;
  // "Edit /src/a.c" above the diff of /src/a.c says nothing more
  const named = ask.diffs.some((diff) => ask.title.length <= pathText(diff.path).length + 12 && ask.title.endsWith(pathText(diff.path)));
  const titled = titleBeside(ask.title, ask.command) !== "" && ask.title !== ask.url && !named;
  return (
    <>
      {ask.command && <Exact text={ask.command} what="command" />}
      {bare && <Exact text={paths.map((path) => pathFrom(path, cwd)).join("\n")} what={paths.length === 1 ? "path" : "paths"} />}
      {ask.url && <Address url={ask.url} />}
      {titled && <p class={bare || ask.command || ask.url || ask.diffs.length > 0 ? "ask-title" : "ask-text"} dir="auto"><Foreign
        text={ask.title} prose whole /></p>}
      {ask.diffs.map((diff, at) => <AskDiff key={at} diff={diff} path={pathFrom(diff.path, cwd)} />)}
      <dl class="ask-rows">
        {ask.server && <Fact name="server"><code><Foreign text={ask.server} oneLine /></code></Fact>}
        {ask.tool && <Fact name="tool"><code><Foreign text={ask.tool} oneLine /></code></Fact>}
        {!bare && paths.length > 0 && (
          <Fact name={paths.length === 1 ? "path" : "paths"}>
            <ul class="paths">{paths.map((path, at) => <li key={at}><code dir="ltr"><Foreign
              text={pathFrom(path, cwd)} /></code></li>)}</ul>
          </Fact>
        )}
        {cwd && <Fact name="in"><code dir="ltr"><Foreign text={cwd} oneLine /></code></Fact>}
        {ask.place !== Place.UNSPECIFIED && (
          <Fact name="place">
            <span class={outside ? "outside" : ""}>{outside && <Icon name="warning" />} {placeWords(ask.place)}</span>
          </Fact>
        )}
        {ask.risk && <Fact name="risk"><span class="risk"><Foreign text={ask.risk} prose /></span></Fact>}
      </dl>
      {input && (
        <>
          <Exact text={input.text} what="input" />
          {input.assetId && <p class="small cut">Cut here: the input has {String(input.totalBytes)} bytes; the host has all of it.</p>}
        </>
      )}
      {ask.oneTimeOnly && <p class="small muted">Policy allows one-time answers only.</p>}
    </>
  );
}

function Kind({ ask, cwd }: { ask: Ask; cwd: string }) {
  switch (ask.kind.case) {
    case "permission":
      return <Permission ask={ask.kind.value} cwd={cwd} />;
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
          <Address url={ask.kind.value.url} />
        </>
      );
    default:
      return <p class="ask-text" dir="auto"><Foreign text={askText(ask)} prose whole /></p>;
  }
}

/** Drawn anew only for another ask: a change of many lines is not compared with itself while others stream. */
const Shown = memo(({ ask, cwd }: { ask: Ask; cwd: string }) => (
  <div class="ask-body">
    <Kind ask={ask} cwd={cwd} />
    {ask.why && <p class="ask-why"><span class="muted">why: </span><Foreign text={ask.why} prose /></p>}
  </div>
));

export function AskBody({ store, entry }: { store: SteerStore; entry: AskEntry }) {
  return <Shown ask={entry.ask} cwd={store.cwd.value} />;
}
