/**
 * While a page is open: notifications of asks when no tab is looked at, the number on the app's icon, and closing what is
 * over. Of several tabs one does it (a lock that the others wait for). Where the relay pushes, it notifies; the tags are the
 * same, so nothing is shown twice.
 */
import { effect } from "@preact/signals";
import { hex } from "@libremote/link";
import type { SessionEntry } from "@libremote/link/messages";
import { openAsks } from "../frame/title.ts";
import { titleOf } from "../presence/status.ts";
import { listed, sessions } from "../state/sessions.ts";
import { fragmentOf, wordsOf, type Message } from "./message.ts";
import { pushState } from "./subscription.ts";
import { changes, type Seen } from "./news.ts";
import { wishes } from "./wishes.ts";

const LEADER = "remote-notify";
const LOOKED_AT = "remote-looked-at";

/** While this tab is looked at it holds a lock that all tabs can see. */
function sayLookedAt(): void {
  let release: (() => void) | undefined;
  const look = () => {
    const seen = document.visibilityState === "visible";
    if (seen && !release) {
      const held = new Promise<void>((resolve) => (release = resolve));
      void navigator.locks.request(LOOKED_AT, { mode: "shared" }, () => held);
    } else if (!seen) {
      release?.();
      release = undefined;
    }
  };
  document.addEventListener("visibilitychange", look);
  look();
}

async function lookedAt(): Promise<boolean> {
  const held = (await navigator.locks.query()).held ?? [];
  return held.some((lock) => lock.name === LOOKED_AT);
}

const registration = () => navigator.serviceWorker.getRegistration();

async function show(message: Message): Promise<void> {
  if (Notification.permission !== "granted" || (await lookedAt())) return;
  const { title, body } = wordsOf(message);
  await (await registration())?.showNotification(title, {
    body, tag: message.tag, icon: "./icons/icon-192.png", data: { fragment: fragmentOf(message) },
  });
}

async function close(tag: string): Promise<void> {
  for (const shown of (await (await registration())?.getNotifications({ tag })) ?? []) shown.close();
}

function messageFor(entry: SessionEntry, event: "ask" | "done" | "error", ask?: string): Message {
  const session = hex(entry.sessionId);
  const message: Message = { event, tag: ask ? `ask-${ask}` : `${event}-${session}`, session, ...(ask ? { ask } : {}) };
  if (!wishes.peek().text) return message;
  const text = ask ? entry.info?.asks.find((one) => hex(one.askId) === ask)?.text : entry.info?.activity;
  return { ...message, title: titleOf(entry), ...(text ? { text } : {}) };
}

function lead(): void {
  let before: Seen | undefined;
  effect(() => {
    const now = sessions.value;
    if (!listed.value) return;
    const found = changes(before, now);
    before = found.seen;
    for (const tag of found.over) void close(tag);
    const wanted = wishes.peek();
    if (!wanted.on || pushState.peek().is === "pushed") return;
    for (const { entry, event, ask } of found.news) {
      if (event === "ask" ? wanted.asks : event === "done" ? wanted.done : wanted.errors) void show(messageFor(entry, event, ask));
    }
  });
  effect(() => {
    const count = openAsks.value;
    if (!("setAppBadge" in navigator)) return;
    void (count > 0 ? navigator.setAppBadge(count) : navigator.clearAppBadge()).catch(() => {}); // not installed
  });
}

export function notifyWhileOpen(): void {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (!workers || !("locks" in navigator)) return;
  sayLookedAt();
  void navigator.locks.request(LEADER, () => {
    lead();
    return new Promise<never>(() => {}); // as long as this tab lives
  });
}
