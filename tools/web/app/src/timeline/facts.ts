/** What happened in a session, in figures, from what is loaded of it. */
import { AskOutcome, ToolKind, type Usage } from "@libremote/link/messages";
import { fromBytes } from "./clean.ts";
import { stateOf } from "./fold.ts";
import type { Item } from "./items.ts";
import { actorWords } from "./words.ts";

export interface SessionFacts {
  turns: number;
  prompts: number;
  /** By kind, the most frequent first. */
  tools: [ToolKind, number][];
  failedTools: number;
  /** Path, and how often it was changed. */
  files: [string, number][];
  /** Who answered how many asks. */
  answered: [string, number][];
  unanswered: number;
  beganMs: number;
  endedMs: number;
  usage: Usage | undefined;
}

const CHANGING = new Set<ToolKind>([ToolKind.EDIT, ToolKind.DELETE, ToolKind.MOVE]);

const ranked = <K>(counts: ReadonlyMap<K, number>): [K, number][] => [...counts].sort((a, b) => b[1] - a[1]);

/** Up to `until`, an item of the list. */
export function factsOf(items: readonly Item[], until?: Item): SessionFacts {
  const tools = new Map<ToolKind, number>();
  const files = new Map<string, number>();
  const answered = new Map<string, number>();
  const facts: SessionFacts = {
    turns: 0, prompts: 0, tools: [], failedTools: 0, files: [], answered: [], unanswered: 0, beganMs: 0, endedMs: 0, usage: undefined,
  };
  const bump = <K>(map: Map<K, number>, key: K) => map.set(key, (map.get(key) ?? 0) + 1);
  for (const item of items) {
    if (until && item.order > until.order) break;
    if (item.atMs) {
      facts.beganMs ||= item.atMs;
      facts.endedMs = item.atMs;
    }
    if (item.is("user")) facts.prompts++;
    else if (item.is("turn")) {
      const { ended } = stateOf(item);
      facts.turns++;
      if (ended?.usage) facts.usage = ended.usage;
    } else if (item.is("tool")) {
      const fold = stateOf(item);
      bump(tools, fold.kind);
      if (fold.status === 4 || fold.exitCode) facts.failedTools++;
      const paths = new Set<string>();
      for (const { content } of fold.content) if (content.case === "diff") paths.add(fromBytes(content.value.path));
      if (CHANGING.has(fold.kind)) for (const location of fold.locations) paths.add(fromBytes(location.path));
      for (const path of paths) if (path) bump(files, path);
    } else if (item.is("ask")) {
      const { resolved } = stateOf(item);
      if (resolved?.outcome === AskOutcome.ANSWERED) bump(answered, actorWords(resolved.by) || "somebody");
      else facts.unanswered++;
    }
  }
  return { ...facts, tools: ranked(tools), files: ranked(files), answered: ranked(answered) };
}
