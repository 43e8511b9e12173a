/** What the page's title says. */
import { Status, type SessionEntry } from "@libremote/link/messages";
import type { Route } from "../state/route.ts";

/** Open questions of all sessions that go on. */
export const countAsks = (entries: readonly SessionEntry[]): number =>
  entries.reduce((sum, entry) => sum + (entry.info && entry.info.status !== Status.ENDED ? entry.info.asksTotal : 0), 0);

export function titleFor(at: Route, asks: number, title: string): string {
  const words = { "sessions": "Sessions", "session": title, "sign-in": "Sign in", "devices": "Devices", "settings": "Settings" }[at.page];
  return asks > 0 ? `(${asks}) ${words}` : words;
}
