/** Messages that come while no page is open: one notification a tag, closed when it is over; a click leads to the page. */
import { checkedFragment, fragmentOf, readMessage, wordsOf, type Message } from "../notify/message.ts";

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
  if (message.event === "withdrawn") {
    if (mustShow) await show(message, true);
    await close(message.tag);
  } else if (message.event === "test" || mustShow || !(await looking())) {
    await show(message);
  }
  await badge();
}

/** How long a page has to say that it goes there; a frozen one, or one that is being loaded, does not. */
const ANSWER_MS_MAX = 1_500;

/** Tells a page where to go. False: it did not answer. */
function told(page: WindowClient, fragment: string): Promise<boolean> {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => resolve(true);
    setTimeout(() => resolve(false), ANSWER_MS_MAX);
    page.postMessage({ go: fragment }, [channel.port2]);
  });
}

async function open(fragment: string): Promise<void> {
  const place = self.registration.scope + fragment;
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const ours = pages.filter((page) => page.url.startsWith(self.registration.scope));
  const session = /^#\/s\/[0-9a-f]{32}/.exec(fragment)?.[0];
  const best = ours.find((page) => session && page.url.includes(session)) ?? ours.find((page) => page.focused) ?? ours[0];
  if (best) {
    const going = told(best, fragment);
    await best.focus().catch(() => {}); // not allowed: it is there, at the right place
    if (await going || (await best.navigate(place).then((page) => page !== null, () => false))) return;
  }
  await self.clients.openWindow(place);
}

/** What fails here fails for nobody else: there is no page to tell it to. */
const quietly = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => console.warn("a notification:", error));

export function servePush(): void {
  self.addEventListener("push", (event) => {
    event.waitUntil(quietly(take(event.data?.text() ?? "")));
  });
  self.addEventListener("notificationclick", (event) => {
    const data: unknown = event.notification.data;
    event.notification.close();
    const fragment = checkedFragment(typeof data === "object" && data !== null && "fragment" in data ? data.fragment : undefined);
    event.waitUntil(Promise.all([quietly(open(fragment)), quietly(badge())]));
  });
  self.addEventListener("notificationclose", (event) => {
    event.waitUntil(quietly(badge()));
  });
}
