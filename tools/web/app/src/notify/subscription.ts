/** This browser's subscription to Web Push: made when a person wants it, told to the relay, looked after at each connection. */
import { effect, signal } from "@preact/signals";
import { CallError, type Connection } from "@libremote/link";
import type { PushFacts, Request } from "@libremote/link/messages";
import { workerRefused } from "../frame/worker.ts";
import { installed, iOS } from "../settings/install.ts";
import { wish, wishes, type Wishes } from "./wishes.ts";

/** What this browser can do, and what is done. */
export type PushState =
  | { is: "unknown" }
  /** Told also when the page is closed. */
  | { is: "pushed"; sentMs: number }
  /** Only while a page is open; why. */
  | { is: "open-only"; why: string }
  /** Not at all; why, and what to do. */
  | { is: "off"; why?: string };

export const pushState = signal<PushState>({ is: "unknown" });

/** Safari on a phone notifies only from the Home Screen. */
export const installFirst = (): boolean => isSecureContext && !("Notification" in window) && iOS() && !installed();

/** Why this browser cannot notify; undefined: it can. */
export function hindrance(): string | undefined {
  if (!isSecureContext)
    return "Browsers notify only from pages that came encrypted. Open this page by https, or on the machine of the relay itself.";
  if (!("Notification" in window) || !("serviceWorker" in navigator))
    return installFirst() ? "An iPhone or iPad notifies only from its Home Screen: open the Share menu, choose “Add to Home Screen”, and open the page from there."
      : iOS() ? "This iPhone or iPad cannot notify; it takes iOS 16.4 or newer."
      : "This browser cannot notify.";
  if (workerRefused.value) return "This browser refused the page's worker (a private window, or its settings); without it nothing can be shown.";
  if (Notification.permission === "denied")
    return "Notifications of this page are blocked in the browser. Allow them in its settings for this page, then come back.";
  return undefined;
}

/** The page's worker; rejects when the browser refuses it. */
function workerReady(): Promise<ServiceWorkerRegistration> {
  return new Promise((resolve, reject) => {
    void navigator.serviceWorker.ready.then(resolve, reject);
    effect(() => {
      if (workerRefused.value) reject(new Error("the browser refused the page's worker"));
    });
  });
}

const call = async (connection: Connection, request: Request["call"]) => (await connection.call(request)).result;

async function factsOf(connection: Connection, endpoint: string): Promise<PushFacts | undefined> {
  const result = await call(connection, { case: "getPush", value: { $typeName: "remote.v1.GetPush", endpoint } });
  return result.case === "pushFacts" ? result.value : undefined;
}

function sameKey(subscription: PushSubscription, key: Uint8Array): boolean {
  const own = subscription.options.applicationServerKey;
  if (!own) return true; // not told by this browser
  const bytes = new Uint8Array(own);
  return bytes.length === key.length && bytes.every((byte, index) => byte === key[index]);
}

const pushWishes = (now: Wishes) =>
  ({ $typeName: "remote.v1.PushWishes", asks: now.asks, done: now.done, errors: now.errors, text: now.text }) as const;

async function tellRelay(connection: Connection, subscription: PushSubscription): Promise<void> {
  const bytes = (name: PushEncryptionKeyName) => new Uint8Array(subscription.getKey(name) ?? new ArrayBuffer(0));
  await call(connection, {
    case: "pushSubscribe",
    value: {
      $typeName: "remote.v1.PushSubscribe", endpoint: subscription.endpoint, p256dh: bytes("p256dh"), auth: bytes("auth"),
      wishes: pushWishes(wishes.value),
    },
  });
}

/** The subscription of this browser for this relay's key, made anew when it was made for another one. */
async function subscribed(registration: ServiceWorkerRegistration, key: Uint8Array): Promise<PushSubscription> {
  const old = await registration.pushManager.getSubscription();
  if (old && sameKey(old, key)) return old;
  await old?.unsubscribe();
  return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: new Uint8Array(key) });
}

/** Brings browser and relay to what the person wants. */
export async function settle(connection: Connection): Promise<void> {
  if (!wishes.value.on) {
    pushState.value = { is: "off" };
    return;
  }
  const why = hindrance();
  if (why !== undefined || Notification.permission !== "granted") {
    pushState.value = { is: "off", why: why ?? "This browser has not been asked yet." };
    return;
  }
  try {
    const registration = await workerReady();
    if (!("pushManager" in registration)) {
      pushState.value = { is: "open-only", why: "This browser is notified only while a page is open." };
      return;
    }
    const key = (await factsOf(connection, ""))?.key;
    if (!key || key.length === 0) {
      pushState.value = { is: "open-only", why: "This relay does not push; it can notify only while a page is open." };
      return;
    }
    const subscription = await subscribed(registration, key);
    await tellRelay(connection, subscription);
    const facts = await factsOf(connection, subscription.endpoint);
    pushState.value = { is: "pushed", sentMs: Number(facts?.sentMs ?? 0n) };
  } catch (error) {
    if (error instanceof CallError && !error.problem) return; // the carrier went: at the next connection
    pushState.value = { is: "open-only", why: `It works only while a page is open: ${reason(error)}.` };
  }
}

function reason(error: unknown): string {
  if (error instanceof CallError) return error.problem?.reason ?? "the connection was lost";
  if (error instanceof DOMException && error.name === "AbortError") return "the browser's push service cannot be reached";
  return error instanceof Error ? error.message : "the browser refused";
}

/** After a press of a button: browsers ask for permission only then. */
export async function turnOn(connection: Connection): Promise<void> {
  if (hindrance() === undefined && (await Notification.requestPermission()) === "granted") wish({ on: true, hinted: true });
  else pushState.value = { is: "off", why: hindrance() ?? "The browser was not allowed to notify." };
  if (wishes.value.on) await settle(connection);
}

/** Here, and at the relay when it can be reached. */
export async function turnOff(connection: Connection | undefined): Promise<void> {
  wish({ on: false });
  pushState.value = { is: "off" };
  const registration = await navigator.serviceWorker?.getRegistration();
  const subscription = await registration?.pushManager?.getSubscription();
  if (connection?.facts.phase === "live" && subscription)
    await call(connection, { case: "pushUnsubscribe", value: { $typeName: "remote.v1.PushUnsubscribe", endpoint: subscription.endpoint } })
      .catch(() => {}); // without the browser's half its push service answers that it is gone
  await subscription?.unsubscribe().catch(() => false);
  for (const shown of (await registration?.getNotifications()) ?? []) shown.close();
}

/** A message of its own, so that a person sees one arrive. */
export async function tryIt(connection: Connection): Promise<void> {
  const registration = await workerReady();
  const subscription = await registration.pushManager?.getSubscription();
  if (pushState.value.is === "pushed" && subscription)
    await call(connection, { case: "testPush", value: { $typeName: "remote.v1.TestPush", endpoint: subscription.endpoint } });
  else
    await registration.showNotification("This is a test", { body: "Notifications of this page look like this.", tag: "test" });
}
