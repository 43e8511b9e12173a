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

interface Notice {
  title: string;
  body: string;
  tag: string;
}

/** Asked of the worker: a page that is open for it is one that somebody looks at, and then nothing is shown. */
async function shown(client: Client): Promise<Notice[]> {
  const worker = await until("the worker runs", () => client.context.serviceWorkers()[0]);
  return worker.evaluate(async () =>
    (await (globalThis as unknown as { registration: ServiceWorkerRegistration }).registration.getNotifications())
      .map((one) => ({ title: one.title, body: one.body, tag: one.tag })));
}

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
  const notices = await until("it is shown", async () => {
    const found = (await shown(client)).filter((one) => one.tag === tag);
    return found.length > 0 && found;
  });
  expect(notices).toEqual([{ title: "A session needs an answer", body: "Open the page to see it.", tag }]);

  const [ask] = await s.world.json("asks", host.session);
  await s.world.cli("answer", host.session, (ask!.ask as { ask_id: string }).ask_id, "--decline");
  const over = service.read(await until("its end is pushed", () => service.pushed[2]));
  expect(JSON.parse(over)).toMatchObject({ event: "withdrawn", tag });
  await deliver(client, worker, over);
  await until("it is gone", async () => !(await shown(client)).some((one) => one.tag === tag));

  // What is wanted can be changed, and turned off.
  await client.page.goto(settings);
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

scene("without a push service: told while the page is open and hidden, by one of two tabs; the hint is closed for good", async (s) => {
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

/** The worker's own world: what it would do with windows is written down, since only a person's real click may open one. */
async function workerWorld(client: Client) {
  const world = await until("the worker runs", () => client.context.serviceWorkers()[0]);
  await world.evaluate(() => {
    const self_ = globalThis as unknown as { clients: { openWindow(url: string): Promise<null> }; test: { opened: string[] } };
    self_.test = { opened: [] };
    self_.clients.openWindow = async (url: string) => {
      self_.test.opened.push(url);
      return null;
    };
  });
  return {
    /** A person presses the notification that leads there. */
    click: (data: unknown) => world.evaluate(async (data_) => {
      const { registration } = globalThis as unknown as { registration: ServiceWorkerRegistration };
      await registration.showNotification("for the test", { tag: "test-click", data: data_ });
      const [notification] = await registration.getNotifications({ tag: "test-click" });
      const Kind = (globalThis as unknown as { NotificationEvent: new (name: string, init: object) => Event }).NotificationEvent;
      globalThis.dispatchEvent(new Kind("notificationclick", { notification }));
    }, data),
    opened: () => world.evaluate(() => (globalThis as unknown as { test: { opened: string[] } }).test.opened),
    left: () => world.evaluate(async () =>
      (await (globalThis as unknown as { registration: ServiceWorkerRegistration }).registration.getNotifications({ tag: "test-click" })).length),
  };
}

scene("a notification leads to its question: in the page that is open, in another one, and when none is", async (s) => {
  const host = await s.host();
  const client = await s.client({ shape: PHONE, before: (one) => one.context.grantPermissions(["notifications"], { origin: one.origin }) });
  await client.at("session-item", { session: host.session }).waitFor();
  await workerOf(client);
  await s.world.send(host.session, "ASK Which one?|this|that");
  await client.at("session-item").getByText(/answer/i).first().waitFor();
  const [ask] = await s.world.json("asks", host.session);
  const place = `#/s/${host.session}/ask/${(ask!.ask as { ask_id: string }).ask_id}`;
  const worker = await workerWorld(client);

  // The list is open.
  await worker.click({ fragment: place });
  await client.asks.getByText("Which one?").waitFor();
  expect(new URL(client.page.url()).hash).toBe(place);
  await until("it is closed", async () => (await worker.left()) === 0);
  // Another page of this browser is, and what it leads to is another account's, or gone.
  await client.page.goto(`${client.origin}/#/settings`);
  await client.page.getByRole("heading", { name: "Settings" }).waitFor();
  await worker.click({ fragment: `#/s/${"7".repeat(32)}` });
  await client.page.getByText("This session cannot be shown").waitFor();
  await client.fits();
  await client.page.getByRole("link", { name: "All sessions" }).click();
  await client.at("session-item", { session: host.session }).waitFor();
  // What is no place of the page leads to its beginning.
  await client.page.goto(`${client.origin}/#/settings`);
  await worker.click({ fragment: "https://evil.example/" });
  await client.at("session-list").waitFor();
  expect(await worker.opened()).toEqual([]);

  // None is open.
  await client.page.goto("about:blank");
  await worker.click({ fragment: place });
  const [opened] = await until("a window is opened", async () => {
    const found = await worker.opened();
    return found.length > 0 && found;
  });
  expect(opened).toBe(`${client.origin}/${place}`);
  await client.page.goto(opened!);
  await client.asks.getByText("Which one?").waitFor();
});

scene("whatever is pushed, the worker shows one line and goes on", async (s) => {
  const service = await PushService.start();
  const client = await turnedOn(s, service);
  const worker = await workerOf(client);
  await client.page.goto("about:blank");
  const hostile = ["", "\u0000", "{", "[]", "null", "x".repeat(60_000), JSON.stringify({ event: "of a newer relay", tag: "newer", v: 9 }),
    JSON.stringify({ event: "ask", tag: "../../x", session: "javascript:alert(1)", title: "<img src=x>" })];
  for (const data of hostile) await deliver(client, worker, data);
  const session = "5".repeat(32);
  await deliver(client, worker, JSON.stringify({ event: "done", tag: `done-${session}`, session, title: "line\nbreak \u202eturned" }));
  const notices = await until("the last one is shown", async () => {
    const found = await shown(client);
    return found.some((one) => one.tag.startsWith("done-")) && found;
  });
  expect(notices.filter((one) => !one.tag.startsWith("done-"))).toEqual([{ title: "Something is new", body: "Open the page to see it.", tag: "news" }]);
  expect(notices.find((one) => one.tag.startsWith("done-"))?.title).toBe("line break turned");
  service.close();
}, pushFlags);
