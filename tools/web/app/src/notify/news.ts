/** What changed between two looks at the list of sessions: what a person may be told, and what is over. */
import { hex } from "@libremote/link";
import { Status, type SessionEntry } from "@libremote/link/messages";

/** By session: its status and its asks. */
export type Seen = ReadonlyMap<string, { status: Status; since: bigint; asks: ReadonlySet<string> }>;

export interface News {
  entry: SessionEntry;
  event: "ask" | "done" | "error";
  ask?: string;
}

/** Its terminal was used in the last minute, by its own clock: whoever sits there sees it. */
const USED_MS = 60_000;
const busy = (status: Status) => status === Status.WORKING || status === Status.NEEDS_INPUT;

/** `before` undefined: the first look, of which nothing is news. */
export function changes(before: Seen | undefined, entries: readonly SessionEntry[], now = Date.now()): { seen: Seen; news: News[]; over: string[] } {
  const seen = new Map<string, { status: Status; since: bigint; asks: Set<string> }>();
  const news: News[] = [];
  const over: string[] = [];
  for (const entry of entries) {
    const id = hex(entry.sessionId);
    const status = entry.info?.status ?? Status.UNSPECIFIED;
    const since = entry.info?.statusSinceMs ?? 0n;
    const asks = new Set(entry.info?.asks.map((ask) => hex(ask.askId)));
    const was = before?.get(id);
    seen.set(id, { status, since, asks });
    const used = now - Number(entry.info?.localInputMs ?? 0n) < USED_MS;
    if (before && !used) {
      for (const ask of asks) if (!was?.asks.has(ask)) news.push({ entry, event: "ask", ask });
      // a whole turn may have passed between two looks
      const worked = was && (busy(was.status) || (was.status === Status.IDLE && status === Status.IDLE && since > was.since));
      if (worked && (status === Status.IDLE || status === Status.ENDED)) news.push({ entry, event: "done" });
      if (was && was.status !== Status.ERROR && status === Status.ERROR) news.push({ entry, event: "error" });
    }
    for (const ask of was?.asks ?? []) if (!asks.has(ask)) over.push(`ask-${ask}`);
    if (was?.status === Status.ERROR && status !== Status.ERROR) over.push(`error-${id}`);
    if (was && !busy(was.status) && busy(status)) over.push(`done-${id}`);
  }
  for (const [id, was] of before ?? []) if (!seen.has(id)) for (const ask of was.asks) over.push(`ask-${ask}`);
  return { seen, news, over };
}
