/** In which order sessions stand, and that they do not jump about under a finger. */
import { hex } from "@libremote/link";
import { Status, type SessionEntry } from "@libremote/link/messages";
import { useRef } from "preact/hooks";
import { pathText, titleOf } from "../presence/status.ts";

export const ended = (entry: SessionEntry): boolean => entry.info?.status === Status.ENDED;

export function grouped(entries: readonly SessionEntry[]): { open: SessionEntry[]; ended: SessionEntry[] } {
  const asks = (entry: SessionEntry): number => ((entry.info?.asksTotal ?? 0) > 0 ? 1 : 0);
  const open = entries.filter((entry) => !ended(entry));
  // What waits for a person comes first; a stable sort keeps the newest activity first within both.
  return { open: open.sort((a, b) => asks(b) - asks(a)), ended: entries.filter(ended) };
}

/** Every word of the filter occurs somewhere in what is shown of a session. */
export function matches(entry: SessionEntry, filter: string): boolean {
  const d = entry.description;
  const text = [titleOf(entry), entry.info?.activity, d?.host, pathText(d?.cwd), d?.agent, d?.repository, d?.branch, hex(entry.sessionId)]
    .join("\n").toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** The entries as they are now, in the order of before while `held`: facts change in place, rows move later. */
export function inOrderOf(entries: readonly SessionEntry[], order: readonly string[]): SessionEntry[] {
  const rank = new Map(order.map((id, index) => [id, index]));
  const of = (entry: SessionEntry): number => rank.get(hex(entry.sessionId)) ?? order.length;
  return [...entries].sort((a, b) => of(a) - of(b));
}

export function useSettled(entries: readonly SessionEntry[], touched: { held: boolean }): SessionEntry[] {
  const order = useRef<string[]>([]);
  const sorted = touched.held ? inOrderOf(entries, order.current) : [...grouped(entries).open, ...grouped(entries).ended];
  if (!touched.held) order.current = sorted.map((entry) => hex(entry.sessionId));
  return sorted;
}
