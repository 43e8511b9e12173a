/** A person who does not look is told, and told no more when it is over. */
import { expect } from "vitest";
import type { CDPSession } from "playwright-core";
import { PHONE, type Client } from "./browser.ts";
import { until } from "./processes.ts";
import { PushService } from "./push_service.ts";
import { scene, type Scene } from "./scene.ts";

/** Chromium has a push service of its maker only: the browser's half is made here, all behind it is real. */
async function withPush(client: Client, service: PushService): Promise<void> {
  await client.context.grantPermissions(["notifications"], { origin: client.origin });
  await client.page.addInitScript(({ endpoint, point, auth }) => {
    if (location.protocol === "about:") return;
    const bytes = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
    let subscribed = localStorage.getItem("test.subscribed") === "1";
    let key: ArrayBuffer | undefined;
    const subscription = () => ({
      endpoint, options: { applicationServerKey: key }, getKey: (name: string) => bytes(name === "auth" ? auth : point),
      unsubscribe: async () => {
        subscribed = false;
        localStorage.removeItem("test.subscribed");
        return true;
      },
    });
    Object.assign(PushManager.prototype, {
      getSubscription: async () => (subscribed ? subscription() : null),
      subscribe: async (options: { applicationServerKey: Uint8Array }) => {
        subscribed = true;
        localStorage.setItem("test.subscribed", "1");
        key = options.applicationServerKey.slice().buffer as ArrayBuffer;
        return subscription();
      },
    });
  }, { endpoint: service.endpoint, point: service.point.toString("base64"), auth: service.auth.toString("base64") });
}

interface Worker {
  cdp: CDPSession;
  registrationId: string;
}

async function workerOf(client: Client): Promise<Worker> {
  const cdp = await client.context.newCDPSession(client.page);
  let registrationId = "";
  cdp.on("ServiceWorker.workerRegistrationUpdated", (event) => {
    const found = event.registrations.find((one) => one.scopeURL.startsWith(client.origin) && !one.isDeleted);
    if (found) registrationId = found.registrationId;
  });
  await cdp.send("ServiceWorker.enable");
  await until("the service worker is known", () => registrationId);
  return { cdp, registrationId };
}

const shown = (client: Client) =>
  client.page.evaluate(async () =>
    (await (await navigator.serviceWorker.ready).getNotifications()).map((one) => ({ title: one.title, body: one.body, tag: one.tag })));

async function deliver(client: Client, worker: Worker, data: string): Promise<void> {
  await worker.cdp.send("ServiceWorker.deliverPushMessage", { origin: client.origin, registrationId: worker.registrationId, data });
}

async function turnedOn(s: Scene, service: PushService): Promise<Client> {
  const client = await s.client({ shape: PHONE, at: "#/settings", before: (one) => withPush(one, service) });
  await client.at("notify-on").click();
  await client.at("notify-state", { state: "pushed" }).waitFor();
  await client.fits();
  return client;
}

const pushFlags = ["--push-private"];

scene("an ask is pushed, shown once by the worker, and goes when it is answered elsewhere", async (s) => {
  const service = await PushService.start();
  const host = await s.host();
  const client = await turnedOn(s, service);
  const worker = await workerOf(client);
  await client.at("notify-test").click();
  const test = await until("the test is pushed", () => service.pushed[0]);
  await deliver(client, worker, service.read(test));
  await until("it is shown", async () => (await shown(client)).some((one) => one.title === "This is a test"));

  await client.page.goto("about:blank"); // nobody looks
  await s.world.send(host.session, "ASK Which one?|this|that");
  const asked = service.read(await until("the ask is pushed", () => service.pushed[1]));
  expect(asked).not.toContain("Which one");
  const { tag } = JSON.parse(asked) as { tag: string };
  await deliver(client, worker, asked);
  await deliver(client, worker, asked);
  const settings = `${client.origin}/#/settings`;
  await client.page.goto(settings);
  const notices = await until("it is shown", async () => {
    const found = (await shown(client)).filter((one) => one.tag === tag);
    return found.length > 0 && found;
  });
  expect(notices).toEqual([{ title: "A session needs an answer", body: "Open the page to see it.", tag }]);

  await client.page.goto("about:blank");
  const [ask] = await s.world.json("asks", host.session);
  await s.world.cli("answer", host.session, (ask!.ask as { ask_id: string }).ask_id, "--decline");
  const over = service.read(await until("its end is pushed", () => service.pushed[2]));
  expect(JSON.parse(over)).toMatchObject({ event: "withdrawn", tag });
  await deliver(client, worker, over);
  await client.page.goto(settings);
  await until("it is gone", async () => !(await shown(client)).some((one) => one.tag === tag));

  // What is wanted can be changed, and turned off.
  await client.at("notify-state", { state: "pushed" }).waitFor();
  await client.page.getByLabel(/Say what is asked/).check();
  await client.at("notify-state", { state: "pushed" }).waitFor();
  await s.world.send(host.session, "ASK Which other one?|this|that");
  expect(service.read(await until("with its text", () => service.pushed[3]))).toContain("Which other one?");
  await client.at("notify-off").click();
  await client.at("notify-on").waitFor();
  await until("the relay knows", async () =>
    /remote_relay_push_subscriptions 0\n/.test(await s.world.relayCommand("stats", "--prometheus")));
  service.close();
}, pushFlags);

// Who has just used a page is not told for a minute, and whether that minute is over when the agent asks depends on how quick
// the machine is: not for a run that must not fail by chance. REMOTE_WEB_LONG=1 runs it.
if (process.env.REMOTE_WEB_LONG) scene("without a push service: told while the page is open and hidden, by one of two tabs; the hint is closed for good", async (s) => {
  const host = await s.host();
  const hide = async (page: Client["page"], hidden: boolean) => page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (value ? "hidden" : "visible") });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  const client = await s.watching(host, {
    shape: PHONE,
    before: (one) => one.context.grantPermissions(["notifications"], { origin: one.origin }),
  });
  await s.world.send(host.session, "ASK Which one?|this|that");
  await client.asks.waitFor();
  expect(await client.at("notify-hint").count()).toBe(0); // a question needs the height
  const [first] = await s.world.json("asks", host.session);
  await s.world.cli("answer", host.session, (first!.ask as { ask_id: string }).ask_id, "--decline");
  await client.at("notify-hint").getByRole("button", { name: "Set up" }).click();
  await client.page.evaluate(() => {
    PushManager.prototype.subscribe = () => Promise.reject(new DOMException("no service", "AbortError"));
  });
  await client.at("notify-on").click();
  await client.at("notify-state", { state: "open-only" }).waitFor();
  const second = await client.context.newPage();
  await second.goto(`${client.origin}/#/`);
  await second.getByTestId("session-item").first().waitFor();
  await until("the host is idle", async () => (await s.world.sessions()).some((one) => one.status === "idle"));
  await hide(client.page, true);
  await hide(second, true);
  await s.world.send(host.session, "ASK And now?|this|that");
  const notices = await until("it is shown", async () => {
    const found = (await shown(client)).filter((one) => one.tag.startsWith("ask-"));
    return found.length > 0 && found;
  });
  expect(notices).toHaveLength(1);
  expect(notices[0]!.title).toBe("A session needs an answer");
  const [ask] = await s.world.json("asks", host.session);
  await s.world.cli("answer", host.session, (ask!.ask as { ask_id: string }).ask_id, "--decline");
  await until("it is gone", async () => !(await shown(client)).some((one) => one.tag.startsWith("ask-")));
  await client.openSession(host.session);
  expect(await client.at("notify-hint").count()).toBe(0);
});
