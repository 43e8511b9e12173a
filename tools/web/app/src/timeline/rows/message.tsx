/** What people and the agent say. */
import { MessageDelivery, type Attachment } from "@libremote/link/messages";
import { Icon } from "../../parts/icon.tsx";
import { clockTime, fullTime } from "../../parts/words.ts";
import { flagOf, useScope } from "../context.ts";
import { stateOf } from "../fold.ts";
import { wholeText } from "../fold_text.ts";
import type { Item } from "../items.ts";
import { actorWords, deliveryWords } from "../words.ts";
import { AssetLink, Picture, Whole } from "./asset.tsx";
import { Markdown } from "./markdown.tsx";
import { oneLine, prose } from "../clean.ts";

export function At({ ms }: { ms: number }) {
  if (!ms) return null;
  return <time class="tl-at" dateTime={new Date(ms).toISOString()} title={fullTime(ms)}>{clockTime(ms)}</time>;
}

/** Whose it is, when it is not the main agent's. */
export function Inner({ agentId, parentId = "" }: { agentId: string; parentId?: string }) {
  const { store } = useScope();
  const id = agentId || parentId;
  if (!id) return null;
  const agent = store.find(`s:${id}`);
  const tool = store.find(`t:${id}`);
  const name = agent?.is("subagent") ? stateOf(agent).started?.name : tool?.is("tool") ? stateOf(tool).title : undefined;
  return <span class="tl-agent" title="sub-agent"><Icon name="people" /> {oneLine(name || id, 60)}</span>;
}

export function Attachments({ list }: { list: readonly Attachment[] }) {
  if (list.length === 0) return null;
  return (
    <ul class="attachments">
      {list.map((one, index) => (
        <li key={index}>
          {one.mediaType.startsWith("image/") && one.assetId
            ? <Picture id={one.assetId} name={one.name} mediaType={one.mediaType} size={one.size} />
            : <AssetLink id={one.assetId} name={one.name} mediaType={one.mediaType} size={one.size} />}
        </li>
      ))}
    </ul>
  );
}

export function UserRow({ item }: { item: Item<"user"> }) {
  const { message } = stateOf(item);
  if (!message) return null;
  const how = message.delivery === MessageDelivery.STARTED ? "" : deliveryWords(message.delivery);
  return (
    <div class="tl-bubble">
      <div class="tl-meta">
        <span class="tl-who"><Icon name="person" /> {message.by ? actorWords(message.by) || "a person" : "a person"}</span>
        {how && <span class="tl-how">{how}</span>}
        <At ms={item.atMs} />
      </div>
      <UserText item={item} text={message.text} />
      <Whole id={message.assetId} name="prompt.txt" />
      <Attachments list={message.attachments} />
    </div>
  );
}

const LINES_MAX = 16;

/** As it was written: a person's prompt is no Markdown. */
function UserText({ item, text }: { item: Item; text: string }) {
  const { store, list } = useScope();
  const open = flagOf(store, `all:${item.key}`, false);
  const clean = prose(text.replace(/\s+$/, ""));
  const lines = clean.split("\n");
  const long = lines.length > LINES_MAX || clean.length > 4000;
  const shown = !long || open.value ? clean : lines.slice(0, LINES_MAX - 4).join("\n").slice(0, 2500);
  return (
    <>
      <p class="tl-words" dir="auto">{shown}{shown !== clean && " …"}</p>
      {long && (
        <button type="button" class="tl-more" aria-expanded={open.value} onClick={() => {
          list.keep(item);
          open.value = !open.value;
        }}>{open.value ? "Fold" : lines.length > LINES_MAX ? `Show all ${lines.length} lines` : "Show all"}</button>
      )}
    </>
  );
}

export function AssistantRow({ item }: { item: Item<"assistant"> }) {
  const fold = stateOf(item);
  const writing = fold.open && !item.closed;
  return (
    <div class={`tl-said${writing ? " tl-writing" : ""}`}>
      <Inner agentId={item.agentId} />
      <Markdown text={wholeText(fold)} item={item} />
      {fold.open && item.closed && <p class="tl-note small muted">It ends here: the rest of it was not said before the turn or the agent ended.</p>}
      <Attachments list={fold.attachments} />
    </div>
  );
}

export function ThoughtRow({ item }: { item: Item<"thought"> }) {
  const { store, list } = useScope();
  const fold = stateOf(item);
  const writing = fold.open && !item.closed;
  const open = flagOf(store, `open:${item.key}`, false);
  const text = wholeText(fold);
  return (
    <div class="tl-thought-box">
      <button type="button" class="tl-fold" aria-expanded={open.value} onClick={() => {
        list.keep(item);
        open.value = !open.value;
      }}>
        <Icon name="think" />
        <span class="tl-fold-words">{writing ? "Thinking" : "Thought"}{open.value ? "" : <span class="muted">: {lastLine(text, writing)}</span>}</span>
        <Inner agentId={item.agentId} />
      </button>
      {open.value && <div class="tl-thought-text"><Markdown text={text} item={item} /></div>}
    </div>
  );
}

/** While it is being written its end is the news; afterwards how it began. */
function lastLine(markdown: string, writing: boolean): string {
  const text = (writing ? markdown.slice(-400) : markdown.slice(0, 400)).replace(/[*`#>]+/g, "");
  if (!writing) return oneLine(text.slice(0, 400), 140);
  const end = oneLine(text.slice(-240), 240);
  return end.length > 120 ? `…${end.slice(-120)}` : end;
}
