/** The page's title: how many questions are open, and where one is. It is what a tab in the background still shows. */
import { computed, effect } from "@preact/signals";
import { Status, type SessionEntry } from "@libremote/link/messages";
import { titleOf } from "../presence/status.ts";
import { route, type Route } from "../state/route.ts";
import { entryOf, sessions } from "../state/sessions.ts";

/** Open questions of all sessions that go on. */
export const countAsks = (entries: readonly SessionEntry[]): number =>
  entries.reduce((sum, entry) => sum + (entry.info && entry.info.status !== Status.ENDED ? entry.info.asksTotal : 0), 0);

export const openAsks = computed(() => countAsks(sessions.value));

export function titleFor(at: Route, asks: number, title: string): string {
  const words = { "sessions": "Sessions", "session": title, "sign-in": "Sign in", "devices": "Devices", "settings": "Settings" }[at.page];
  return asks > 0 ? `(${asks}) ${words}` : words;
}

export function keepTitle(): void {
  effect(() => {
    const at = route.value;
    document.title = titleFor(at, openAsks.value, at.page === "session" ? titleOf(entryOf(at.id)) : "");
  });
}
