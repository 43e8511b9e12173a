/** Messages that come while no page is open: one notification a tag, closed when it is over; a click leads to the page. */
import { fragmentOf, readMessage, wordsOf, type Message } from "../notify/message.ts";

declare const self: ServiceWorkerGlobalScope;

/** Safari ends a subscription whose messages show nothing. */
const mustShow = /AppleWebKit/.test(self.navigator.userAgent) && !/Chrom(e|ium)/.test(self.navigator.userAgent);

async function show(message: Message, silent = false): Promise<void> {
  const { title, body } = wordsOf(message);
  await self.registration.showNotification(title, {
    body, tag: message.tag, silent, icon: "./icons/icon-192.png",
    data: { fragment: fragmentOf(message) },
  });
}

async function close(tag: string): Promise<void> {
  for (const shown of await self.registration.getNotifications({ tag })) shown.close();
}

/** On the app's icon: how many asks are shown and not closed. A page that is open counts better. */
async function badge(): Promise<void> {
  if (!("setAppBadge" in self.navigator)) return;
  const shown = await self.registration.getNotifications();
  const asks = shown.filter((one) => one.tag.startsWith("ask-")).length;
  await (asks > 0 ? self.navigator.setAppBadge(asks) : self.navigator.clearAppBadge()).catch(() => {});
}

/** Somebody looks at the page: it shows what is asked by itself. */
async function looking(): Promise<boolean> {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  return pages.some((page) => page.visibilityState === "visible" && page.focused);
}

async function take(text: string): Promise<void> {
  const message = readMessage(text);
  if (!message) {
    // From a newer relay, perhaps: something has to be shown all the same.
    await show({ event: "ask", tag: "unknown" });
    return;
  }
  if (message.event === "withdrawn") {
    if (mustShow) await show(message, true);
    await close(message.tag);
  } else if (message.event === "test" || mustShow || !(await looking())) {
    await show(message);
  }
  await badge();
}

async function open(fragment: string): Promise<void> {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const ours = pages.filter((page) => page.url.startsWith(self.registration.scope));
  const session = /^#\/s\/[0-9a-f]{32}/.exec(fragment)?.[0];
  const best = ours.find((page) => session && page.url.includes(session)) ?? ours.find((page) => page.focused) ?? ours[0];
  if (!best) {
    await self.clients.openWindow(self.registration.scope + fragment);
    return;
  }
  best.postMessage({ go: fragment });
  await best.focus().catch(() => {}); // not allowed: it is there, at the right place
}

export function servePush(): void {
  self.addEventListener("push", (event) => {
    event.waitUntil(take(event.data?.text() ?? ""));
  });
  self.addEventListener("notificationclick", (event) => {
    const data: unknown = event.notification.data;
    event.notification.close();
    const fragment = typeof data === "object" && data !== null && "fragment" in data && typeof data.fragment === "string" ? data.fragment : "#/";
    event.waitUntil(Promise.all([open(fragment), badge()]));
  });
  self.addEventListener("notificationclose", (event) => {
    event.waitUntil(badge());
  });
}
