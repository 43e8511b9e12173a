/** Finds words in what is loaded at once, then page by page in the past, until nothing is left or somebody stops it. */
import { signal } from "@preact/signals";
import { ansiPlain } from "./ansi.ts";
import { fromBytes, prose } from "./clean.ts";
import { stateOf } from "./fold.ts";
import { wholeText } from "./fold_text.ts";
import type { Item } from "./items.ts";
import { BULK_OFFSETS, type TimelineStore } from "./store.ts";
import { askTitle, outcomeWords, resolvedWords } from "./words.ts";

export interface Hit {
  key: string;
  order: number;
  atMs: number;
  what: string;
  before: string;
  match: string;
  after: string;
}

export const HITS_MAX = 300;
const AROUND = 60;
const SLICE_MS = 8;

const decoder = new TextDecoder();

/** What a person may look for in it. */
export function searchText(item: Item): string {
  if (item.is("user")) {
    const { message } = stateOf(item);
    return message ? [message.text, ...message.attachments.map((one) => one.name)].join("\n") : "";
  }
  if (item.is("assistant") || item.is("thought")) return wholeText(stateOf(item));
  if (item.is("tool")) {
    const fold = stateOf(item);
    const parts = [fold.title, fold.name, ...fold.locations.map((location) => fromBytes(location.path)), fold.input?.text ?? "", fold.reason];
    for (const { content } of fold.content) {
      if (content.case === "text") parts.push(content.value);
      else if (content.case === "diff") parts.push(fromBytes(content.value.path), content.value.oldText, content.value.newText);
      else if (content.case === "image" || content.case === "resource") parts.push(content.value.name);
    }
    parts.push(fold.chunks.map((chunk) => decoder.decode(chunk.data)).join(""));
    return ansiPlain(parts.filter(Boolean).join("\n"));
  }
  if (item.is("ask")) {
    const { ask, resolved } = stateOf(item);
    const command = ask?.kind.case === "permission" ? ask.kind.value.command : "";
    return [ask ? askTitle(ask) : "", command, ask?.why ?? "", resolved ? resolvedWords(ask, resolved) : ""].filter(Boolean).join("\n");
  }
  if (item.is("subagent")) {
    const { started, ended } = stateOf(item);
    return [started?.name, started?.task, ended?.text].filter(Boolean).join("\n");
  }
  if (item.is("compaction")) return stateOf(item).ended?.summary ?? "";
  if (item.is("turn")) return stateOf(item).ended?.error ?? "";
  if (!item.is("line")) return "";
  const { body } = stateOf(item);
  switch (body.case) {
    case "notice":
    case "planDocumentChanged":
      return body.value.text;
    case "titleChanged":
      return body.value.title;
    case "planUpdated":
      return body.value.entries.map((entry) => entry.text).join("\n");
    case "sessionEnded":
      return body.value.text;
    case "agentExtension":
      return `${body.value.name}\n${body.value.json?.text ?? ""}`;
    case "commandOutcome":
      return outcomeWords(body.value);
    case "sessionStarted":
      return `${body.value.agent} ${body.value.host} ${fromBytes(body.value.cwd)} ${body.value.branch}`;
    default:
      return "";
  }
}

const WHAT: { readonly [K in Item["kind"]]?: string } = {
  user: "prompt", assistant: "answer", thought: "thought", tool: "tool", ask: "question", subagent: "sub-agent", compaction: "summary", turn: "turn",
};

/** Case does not count; only where one character stays one does the place stay true. */
const fold = (text: string): string => {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text.replace(/[A-Z]/g, (c) => c.toLowerCase());
};

/** On one line, its ends as they are. */
const context = (text: string): string => prose(text).replace(/\s+/g, " ");

export function hitIn(item: Item, needle: string): Hit | undefined {
  const text = searchText(item);
  const at = fold(text).indexOf(needle);
  if (at < 0) return undefined;
  return {
    key: item.key, order: item.order, atMs: item.atMs, what: WHAT[item.kind] ?? "note",
    before: (at > AROUND ? "…" : "") + context(text.slice(Math.max(0, at - AROUND), at)).trimStart(),
    match: context(text.slice(at, at + needle.length)),
    after: context(text.slice(at + needle.length, at + needle.length + 2 * AROUND)).trimEnd(),
  };
}

export type SearchState = "idle" | "here" | "past" | "done" | "stopped";

export class Search {
  readonly state = signal<SearchState>("idle");
  /** The newest first. */
  readonly hits = signal<readonly Hit[]>([]);
  readonly at = signal(-1);
  readonly query = signal("");
  readonly #store: TimelineStore;
  #run = 0;

  constructor(store: TimelineStore) {
    this.#store = store;
  }

  stop(): void {
    this.#run++;
    this.#store.cancelLoading();
    if (this.state.value === "here" || this.state.value === "past") this.state.value = "stopped";
  }

  clear(): void {
    this.#run++;
    this.query.value = "";
    this.hits.value = [];
    this.at.value = -1;
    this.state.value = "idle";
  }

  /** Looks for it: in what is loaded, then (`past`) in what lies before. */
  async start(query: string, past = true): Promise<void> {
    const run = ++this.#run;
    const needle = fold(query.trim());
    this.query.value = query;
    this.hits.value = [];
    this.at.value = -1;
    if (needle.length === 0) {
      this.state.value = "idle";
      return;
    }
    const seen = new Set<string>();
    const current = () => run === this.#run;
    this.state.value = "here";
    if (!(await this.#scan(needle, seen, current))) return;
    while (past && current() && !this.#store.complete && this.hits.value.length < HITS_MAX) {
      this.state.value = "past";
      const more = await this.#store.load(undefined, BULK_OFFSETS);
      if (!current()) return;
      if (!(await this.#scan(needle, seen, current))) return;
      if (!more) break;
    }
    if (current()) this.state.value = this.#store.complete || this.hits.value.length >= HITS_MAX || !past ? "done" : "stopped";
  }

  /** False: another search has begun. */
  async #scan(needle: string, seen: Set<string>, current: () => boolean): Promise<boolean> {
    const { items } = this.#store.model;
    const found: Hit[] = [];
    let began = performance.now();
    for (let i = items.length - 1; i >= 0; i--) {
      const item = items[i]!;
      if (seen.has(item.key)) continue;
      seen.add(item.key);
      const hit = hitIn(item, needle);
      if (hit) found.push(hit);
      if (found.length + this.hits.value.length >= HITS_MAX) break;
      if (performance.now() - began < SLICE_MS) continue;
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (!current()) return false;
      began = performance.now();
    }
    if (found.length) this.hits.value = [...this.hits.value, ...found].sort((a, b) => b.order - a.order);
    return current();
  }
}
