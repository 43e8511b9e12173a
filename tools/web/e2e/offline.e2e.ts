/** Without a network, after a reload, with another build: what was loaded is read, what was given is done once, and the page says which is which. */
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { PHONE, type Client } from "./browser.ts";
import { until } from "./processes.ts";
import { scene, type Scene } from "./scene.ts";
import { webFolder, type Host } from "./world.ts";

/** The worker has the page's files, and answers for this page. */
const hasWorker = (client: Client): Promise<unknown> =>
  until("a worker looks after the page", () => client.page.evaluate(() => navigator.serviceWorker.controller?.state === "activated"));

/** What the session has told so far is written down, too. */
const isKept = (client: Client): Promise<unknown> =>
  until("the session and the list are kept", () => client.page.evaluate(async () => {
    // Opening it before the page has would make an empty one.
    if (!(await indexedDB.databases()).some((one) => one.name === "remote")) return false;
    return new Promise<boolean>((resolve) => {
      const opening = indexedDB.open("remote");
      opening.onerror = () => resolve(false);
      opening.onsuccess = () => {
        const database = opening.result;
        const tx = database.transaction(["chunks", "lists"]);
        const chunks = tx.objectStore("chunks").count(), lists = tx.objectStore("lists").count();
        tx.oncomplete = () => {
          database.close();
          resolve(chunks.result > 0 && lists.result > 0);
        };
      };
    });
  }));

/** How often the host was given that prompt. */
async function given(s: Scene, host: Host, text: string): Promise<number> {
  const events = await s.world.events(host.session);
  return events.filter((event) => (event.user_message as { text?: string } | undefined)?.text === text).length;
}

const isIdle = (s: Scene, host: Host): Promise<unknown> =>
  until("the agent is idle", async () => (await s.world.sessions()).find((one) => one.session_id === host.session)?.status === "idle");

scene("without a relay the page opens, shows what was loaded, and sends what is written then, once", async (s) => {
  const host = await s.host();
  await s.world.turn(host.session, "SAY said before the network went");
  const client = await s.watching(host, { shape: PHONE });
  client.allowCuts();
  await client.said("said before the network went").waitFor();
  await hasWorker(client);
  await isKept(client);
  await s.world.relay!.kill();
  await client.page.reload();
  await client.said("said before the network went").waitFor();
  await client.at("presence", { state: "lost" }).waitFor();
  await client.at("presence").getByText(/as of/).waitFor();
  await client.fits();
  await client.at("prompt-input").fill("SAY written without a network");
  await client.at("prompt-send").click();
  await client.at("earlier", { state: "here" }).waitFor();
  await client.page.reload();
  await client.at("earlier", { state: "here" }).getByText("SAY written without a network").waitFor();
  await client.page.goto(`${client.origin}/#/`);
  await client.at("session-item", { session: host.session }).waitFor();
  await s.world.startRelay();
  await client.live();
  await until("it was given to the agent", async () => (await given(s, host, "SAY written without a network")) > 0);
  await isIdle(s, host);
  expect(await given(s, host, "SAY written without a network")).toBe(1);
  await client.openSession(host.session);
  await client.said("written without a network").waitFor();
  await client.at("earlier").waitFor({ state: "detached" });
});

scene("after a reload nothing that may have left is sent again: the host says what became of it", async (s) => {
  const host = await s.host();
  const client = await s.watching(host);
  await s.world.turn(host.session, "SAY hello");
  await host.kill();
  await client.at("presence", { host: "away" }).waitFor();
  await client.at("prompt-input").fill("SAY for when you are back");
  await client.at("prompt-send").click();
  await client.at("command", { state: "stored" }).waitFor();
  await client.page.reload();
  await client.live();
  await client.at("earlier", { state: "asking" }).getByText("SAY for when you are back").waitFor();
  await s.world.startHost({ resume: host.session });
  await client.said("for when you are back").waitFor();
  await client.at("earlier").waitFor({ state: "detached" });
  await isIdle(s, host);
  expect(await given(s, host, "SAY for when you are back")).toBe(1);
});

scene("the probe says how long a command took to the host and back, and where it is while the host is away", async (s) => {
  const host = await s.host();
  const client = await s.watching(host, { shape: PHONE });
  await client.at("probe").click();
  await client.at("probe-result").getByText(/a command got through to the host and back in/).waitFor();
  await host.kill();
  await client.at("presence", { host: "away" }).waitFor();
  await client.at("probe").click();
  await client.at("probe-result").getByText(/the relay answered after .*; stored; the host gets it when it is back/).waitFor();
  await client.fits();
});

/** The built page with another name for each script, as a newer build would have them. */
function newerBuild(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (file) => !file.endsWith(".br") }); // packed ones would be of the other build
  const sha256 = (file: string): string => createHash("sha256").update(readFileSync(join(to, file))).digest("hex");
  const scripts = readdirSync(join(to, "assets")).filter((name) => name.endsWith(".js"));
  const newer = (name: string): string => name.replace(/\.js$/, "-newer.js");
  const renamed = (text: string): string => scripts.reduce((so, name) => so.replaceAll(name, newer(name)), text);
  const files = (readdirSync(to, { recursive: true }) as string[]).filter((file) => /\.(js|html)$/.test(file));
  const before = new Map(files.map((file) => [file, sha256(file)]));
  for (const file of files) writeFileSync(join(to, file), renamed(readFileSync(join(to, file), "utf8")));
  writeFileSync(join(to, "index.html"), readFileSync(join(to, "index.html"), "utf8").replace('lang="en"', 'lang="en" data-build="newer"'));
  let worker = readFileSync(join(to, "sw.js"), "utf8");
  for (const file of files) worker = worker.replaceAll(before.get(file)!, sha256(file));
  worker = worker.replace(/version:(["'`])[0-9a-f]{16}\1/, "version:$10123456789abcdef$1");
  writeFileSync(join(to, "sw.js"), worker);
  for (const name of scripts) renameSync(join(to, "assets", name), join(to, "assets", newer(name)));
}

scene("a relay comes back with another build: the page says so, goes on, and is the newer one after a reload", async (s) => {
  const folder = join(s.world.folder, "newer");
  newerBuild(webFolder, folder);
  const client = await s.client({ shape: PHONE });
  client.allowCuts();
  await client.live();
  await hasWorker(client);
  await s.world.relay!.kill();
  await s.world.startRelay("--web", folder);
  await client.page.getByText("A new version of this page is ready.").waitFor();
  await client.fits();
  await client.page.goto(`${client.origin}/#/settings`); // a part of the build that the relay does not have any more
  await client.page.getByRole("heading", { name: "Settings" }).waitFor();
  await client.page.locator(".toast").getByRole("button", { name: "Reload" }).click();
  await client.page.locator("html[data-build=newer]").waitFor({ state: "attached" });
  await client.page.getByRole("heading", { name: "Settings" }).waitFor();
});

/** A browser that refuses, as private windows, blocked site data and full disks do. */
const refusals: Record<string, () => void> = {
  "no storage at all": () => {
    const refuse = () => {
      throw new DOMException("refused", "SecurityError");
    };
    Object.defineProperty(window, "localStorage", { configurable: true, get: refuse });
    Object.defineProperty(window, "indexedDB", { configurable: true, get: refuse });
  },
  "no room left": () => {
    const full = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    Storage.prototype.setItem = full;
    IDBObjectStore.prototype.put = full;
  },
};
for (const [what, refuse] of Object.entries(refusals)) {
  scene(`a browser with ${what}: everything works while the page is open, and it says what is lost with it`, async (s) => {
    const host = await s.host();
    const proxy = await s.world.proxy();
    const client = await s.watching(host, { shape: PHONE, proxy, before: async (one) => {
      await one.page.addInitScript(refuse);
    } });
    await s.world.turn(host.session, "SAY said by the agent");
    await client.said("said by the agent").waitFor();
    await client.live();
    await client.at("keeps-nothing").waitFor({ state: "detached" }); // nothing is at stake
    client.allowCuts();
    proxy.refuse(true);
    proxy.cut();
    await client.at("presence", { state: "lost" }).waitFor();
    await client.at("prompt-input").fill("SAY written without a network");
    await client.at("prompt-send").click();
    await client.at("command", { state: "composed" }).waitFor();
    await client.at("keeps-nothing").getByText(/Leave it open until it is sent/).waitFor();
    await client.fits();
    proxy.refuse(false);
    await client.tryNow();
    await client.said("written without a network").waitFor();
    await isIdle(s, host);
    expect(await given(s, host, "SAY written without a network")).toBe(1);
    await client.page.goto(`${client.origin}/#/settings`);
    await client.page.getByText(/without a network nothing of before is here/).waitFor();
    await client.fits();
  });
}

scene("a browser that refuses the worker: the page works, and says what does not", async (s) => {
  const host = await s.host();
  const client = await s.watching(host, { shape: PHONE, before: async (one) => {
    await one.context.grantPermissions(["notifications"], { origin: one.origin });
    await one.page.addInitScript(() => {
      ServiceWorkerContainer.prototype.register = () => Promise.reject(new DOMException("refused", "SecurityError"));
    });
  } });
  await s.world.turn(host.session, "SAY works all the same");
  await client.said("works all the same").waitFor();
  await client.page.goto(`${client.origin}/#/settings`);
  await client.page.getByText("This browser refused the worker that opens the page without a network").waitFor();
  await client.page.getByText("This browser refused the page's worker").waitFor();
  expect(await client.at("notify-on").getAttribute("aria-disabled")).toBe("true");
  await client.fits();
});
