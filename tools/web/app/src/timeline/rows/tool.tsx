/** A tool call: what it does, how far it is, what it gave. */
import { ToolKind, ToolStatus, type Json, type ToolContent } from "@libremote/link/messages";
import { Icon, type IconName } from "../../parts/icon.tsx";
import { exact, fromBytes, near, nearAll, oneLine } from "../clean.ts";
import { flagOf, folderOf, isAsked, useScope } from "../context.ts";
import { stateOf } from "../fold.ts";
import type { Item, ToolFold } from "../items.ts";
import { tookWords, toolVerb } from "../words.ts";
import { AssetLink, Picture, Whole } from "./asset.tsx";
import { DiffCounts, DiffView } from "./change.tsx";
import { Inner } from "./message.tsx";
import { CopyButton, Output, StreamOutput } from "./output.tsx";

const ICONS: { readonly [K in ToolKind]: IconName } = {
  [ToolKind.UNSPECIFIED]: "tool", [ToolKind.READ]: "eye", [ToolKind.EDIT]: "edit", [ToolKind.DELETE]: "trash", [ToolKind.MOVE]: "move",
  [ToolKind.SEARCH]: "search", [ToolKind.EXECUTE]: "terminal", [ToolKind.THINK]: "think", [ToolKind.FETCH]: "globe",
  [ToolKind.SWITCH_MODE]: "settings", [ToolKind.OTHER]: "tool",
};

export interface ToolLook {
  /** data-status */
  status: "pending" | "running" | "completed" | "failed" | "cancelled" | "unknown";
  words: string;
}

/** `asked`: a question about it is open. */
export function toolLook(fold: ToolFold, closed: boolean, asked = false): ToolLook {
  if (!fold.ended && closed) return { status: "unknown", words: "its end is not known" };
  // many agents call it running while they wait to be allowed
  if (!fold.ended && asked) return { status: "pending", words: "waits for an answer" };
  switch (fold.status) {
    case ToolStatus.COMPLETED:
      return fold.exitCode ? { status: "failed", words: `exit ${fold.exitCode}` } : { status: "completed", words: "done" };
    case ToolStatus.FAILED:
      return { status: "failed", words: fold.exitCode ? `failed, exit ${fold.exitCode}` : "failed" };
    case ToolStatus.CANCELLED:
      return { status: "cancelled", words: "closed with its turn" };
    case ToolStatus.PENDING:
      return { status: "pending", words: "not begun" };
    default:
      return fold.ended ? { status: "completed", words: "done" } : { status: "running", words: "running" };
  }
}

export const toolTitle = (fold: ToolFold): string => {
  const title = fold.title || fold.name || fold.id;
  const verb = toolVerb(fold.kind, title);
  return verb ? `${verb} ${title}` : title;
};

/** Files that the title does not name already. */
function Locations({ fold, folder }: { fold: ToolFold; folder: string }) {
  const paths = fold.locations.map(({ path, line }) => ({ path: near(fromBytes(path), folder), line }))
    .filter(({ path }) => !fold.title.includes(path.split("/").at(-1)!)
      && !fold.content.some(({ content }) => content.case === "diff" && near(fromBytes(content.value.path), folder) === path))
    .map(({ path, line }) => `${exact(path)}${line ? `:${line}` : ""}`);
  if (paths.length === 0) return null;
  return <p class="tool-places mono small muted" dir="ltr">{paths.slice(0, 4).join(", ")}{paths.length > 4 && `, ${paths.length - 4} more`}</p>;
}

function Raw({ name, json }: { name: string; json: Json | undefined }) {
  if (!json?.text) return null;
  let text = json.text;
  if (!json.assetId)
    try {
      text = JSON.stringify(JSON.parse(json.text), null, 2);
    } catch {
      // not JSON after all: as it is
    }
  return (
    <div class="tool-raw">
      <div class="out-head"><span class="small muted">{name}</span><CopyButton text={() => text} /></div>
      <pre class="out-text" dir="ltr" tabIndex={0} aria-label={name}><code>{exact(text.slice(0, 32 * 1024))}</code></pre>
      <Whole id={json.assetId} name={`${name.toLowerCase()}.json`} mediaType="application/json" />
    </div>
  );
}

const FENCED = /^\s*(`{3,})[^\n]*\n([\s\S]*?)\n?\1\s*$/;

function Content({ item, content, index, folded }: { item: Item; content: ToolContent; index: number; folded: number }) {
  const what = content.content;
  switch (what.case) {
    case "text": {
      const text = FENCED.exec(what.value)?.[2] ?? what.value;
      const lines = text === "" ? 0 : text.replace(/\n$/, "").split("\n").length;
      return (
        <>
          {text.trim() !== "" && (
            <Output item={item} name={`text${index}`} lines={lines} folded={folded} text={(all) => (all ? text : text.slice(-24 * 1024))} />
          )}
          <Whole id={content.assetId} name="output.txt" />
        </>
      );
    }
    case "diff":
      return <DiffView diff={what.value} item={item} name={`${index}`} />;
    case "image":
      return <Picture id={what.value.assetId} name={what.value.name} mediaType={what.value.mediaType} />;
    case "resource":
      return <p class="tl-note"><AssetLink id={what.value.assetId} name={what.value.name} mediaType={what.value.mediaType} /></p>;
    case "other":
      return <Raw name="Content" json={what.value} />;
    default:
      return null;
  }
}

/** Lines that are seen without opening it: of what runs or failed more than of what went well. */
function foldedLines(fold: ToolFold, look: ToolLook): number {
  if (look.status === "running") return 10;
  if (look.status === "failed") return 12;
  return fold.kind === ToolKind.EXECUTE ? 6 : 3;
}

export function ToolRow({ item }: { item: Item<"tool"> }) {
  const { store, list, model } = useScope();
  const fold = stateOf(item);
  const folder = folderOf(model);
  const look = toolLook(fold, item.closed, !fold.ended && isAsked(model, fold.id));
  const open = flagOf(store, `open:${item.key}`, false);
  const folded = foldedLines(fold, look);
  const took = fold.ended && fold.startedMs ? tookWords(fold.endedMs - fold.startedMs) : "";
  const diffs = fold.content.flatMap((content) => (content.content.case === "diff" ? [content.content.value] : []));
  const details = Boolean(fold.input?.text || fold.output?.text);
  // A stream says the same as the text that is made of it.
  const texts = fold.chunks.length > 0 ? fold.content.filter((content) => content.content.case !== "text") : fold.content;
  return (
    <section class={`tool tool-${look.status}`} data-testid="tool" data-status={look.status} aria-label={oneLine(toolTitle(fold), 120)}>
      <div class="tool-head">
        <button type="button" class="tl-fold" aria-expanded={open.value} onClick={() => {
          list.keep(item);
          open.value = !open.value;
        }}>
          <Icon name={ICONS[fold.kind] ?? "tool"} />
          <span class={`tl-fold-words${fold.kind === ToolKind.EXECUTE ? " mono" : ""}`} dir="auto">
            {open.value ? exact(toolTitle(fold)) : oneLine(exact(nearAll(toolTitle(fold), folder)), 240)}
          </span>
          <span class="tool-facts">
            {diffs.length > 0 && <DiffCounts diffs={diffs} />}
            <span class={`tool-status small status-${look.status}`}>{look.words}</span>
            {took && <span class="small muted">{took}</span>}
          </span>
        </button>
      </div>
      <Inner agentId={item.agentId} parentId={fold.parentId} />
      <Locations fold={fold} folder={folder} />
      {fold.reason && <p class="tl-note small">{oneLine(fold.reason)}</p>}
      {open.value && details && <Raw name="Input" json={fold.input} />}
      {texts.map((content, index) => <Content key={index} item={item} content={content} index={index} folded={folded} />)}
      {fold.chunks.length > 0 && <StreamOutput item={item} chunks={fold.chunks} dropped={fold.dropped} folded={folded} />}
      {open.value && <Raw name="Output" json={fold.output} />}
    </section>
  );
}
