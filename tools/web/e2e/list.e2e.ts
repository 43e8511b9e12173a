/** The list of sessions when there is none, when the relay does not list, and what is done with a session from it. */
import { expect } from "vitest";
import type { WebSocketRoute } from "playwright-core";
import { PHONE, type Client } from "./browser.ts";
import { Process, until } from "./processes.ts";
import { scene } from "./scene.ts";

scene("nobody has a session yet: what the page says to type works as it is", async (s) => {
  const client = await s.client({ shape: PHONE });
  await client.at("no-sessions").waitFor();
  await client.fits();
  const words = async (id: string): Promise<string[]> => (await client.at(id).innerText()).replaceAll("\u00a0", " ").split(" ");
  const login = await words("start-login");
  const start = await words("start-host");
  // A machine that knows nothing yet.
  const { REMOTE_TOKEN_FILE: _token, REMOTE_RELAY: _relay, ...env } = s.world.env;
  const machine = { ...env, HOME: `${s.world.folder}/fresh`, XDG_STATE_HOME: `${s.world.folder}/fresh/state`, XDG_CONFIG_HOME: `${s.world.folder}/fresh/config` };
  const run = (name: string, argv: string[]) => {
    expect(argv[0]).toBe("remote");
    return new Process(name, [s.world.remote, ...argv.slice(1)], { env: machine, cwd: s.world.work, log: `${s.world.folder}/${name}.log` });
  };
  const signing = run("login", [...login, "--device", "a fresh machine", "--no-qr"]);
  const code = await until("a code is shown", () => /\b[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}\b/.exec(signing.out + signing.err)?.[0]);
  await client.page.getByRole("main").getByRole("link", { name: "Devices" }).click();
  await client.at("pair-code-input").fill(code);
  await client.at("pair-look").click();
  await client.at("pair-confirm").click();
  expect(await signing.gone).toBe(0);
  expect(start.at(-1)).toBe("AGENT");
  const host = run("host", [...start.slice(0, -3), "--headless", start.at(-3)!, "--", s.world.agent]);
  try {
    await client.page.goto(`${client.origin}/#/`);
    await client.at("session-item").waitFor();
    expect(await client.at("no-sessions").count()).toBe(0);
  } finally {
    await host.end();
  }
});

const at = (bytes: Buffer, pattern: number[]): number => bytes.indexOf(Buffer.from(pattern));

/**
 * A relay that fails to list: of what the page asks, following the sessions becomes the deletion of none, and of the answer
 * "not found" becomes "failed". All lengths stay.
 */
async function failing(client: Client): Promise<{ mend(): void }> {
  let broken = true;
  await client.page.routeWebSocket(/\/v1\/link$/, (page: WebSocketRoute) => {
    const relay = page.connectToServer();
    page.onMessage((message) => {
      const bytes = Buffer.from(message);
      const ask = broken ? bytes.findIndex((byte, i) => byte === 0x08 && bytes[i + 2] === 0x1a && bytes[i + 3] === 0) : -1;
      if (ask >= 0) bytes[ask + 2] = (DELETE_SESSION << 3) | 2;
      relay.send(bytes);
    });
    relay.onMessage((message) => {
      const bytes = Buffer.from(message);
      const problem = broken ? at(bytes, [0x08, 3009 & 0x7f | 0x80, 3009 >> 7]) : -1;
      if (problem >= 0) bytes.set([1003 & 0x7f | 0x80, 1003 >> 7], problem + 1);
      page.send(bytes);
    });
  });
  return { mend: () => (broken = false) };
}
const DELETE_SESSION = 5;

scene("a relay that is there and does not list says why; it is asked again by itself, and at once by a person", async (s) => {
  const host = await s.host({ flags: ["--name", "Not to be listed"] });
  let relay: { mend(): void } | undefined;
  const client = await s.client({ shape: PHONE, before: async (one) => {
    relay = await failing(one);
  } });
  await client.at("list-fault").getByText("the relay had a fault").waitFor();
  await client.at("list-fault").getByText("The sessions cannot be listed").waitFor();
  expect(await client.at("session-list").getAttribute("aria-busy")).toBe("false");
  expect(await client.at("no-sessions").count()).toBe(0); // nobody knows
  await client.fits();
  relay!.mend();
  await until("it is listed", async () => {
    await client.page.getByRole("button", { name: "Ask again now" }).click({ timeout: 500 }).catch(() => {});
    return client.at("session-item", { session: host.session }).count();
  });
  await client.at("list-fault").waitFor({ state: "detached" });
});

scene("remote control is ended from the page: what stands there and in the list says so, and the host can share it again", async (s) => {
  const host = await s.host({ terminal: [100, 30] });
  const client = await s.watching(host, { shape: PHONE });
  await client.at("session-menu").click();
  await client.at("end-remote").click();
  await client.page.getByRole("button", { name: "Keep" }).click(); // asked, and thought better of
  expect(await client.at("presence").getAttribute("data-host")).toBe("attached");
  await client.at("end-remote").click();
  await client.page.getByRole("button", { name: "End it" }).click();
  await client.at("presence", { host: "off" }).waitFor();
  await client.page.keyboard.press("Escape");
  await client.at("presence").getByText(/^remote off/).waitFor();
  await client.fits();
  await host.says(/remote control: off/);
  await client.page.goto(`${client.origin}/#/`);
  const item = client.at("session-item", { session: host.session });
  await item.getByText(/^remote off/).waitFor();
  await item.getByText("/remote on").waitFor();
  await client.fits();
  host.type("/remote on\r");
  await item.getByText(/^remote off/).waitFor({ state: "detached" });
  await client.openSession(host.session);
  await client.at("presence", { host: "attached" }).waitFor();
  await client.at("prompt-input").fill("SAY steered again");
  await client.at("prompt-send").click();
  await client.said("steered again").waitFor();
});

scene("a session is renamed and deleted: asked first, said why not, and what is said stays where it belongs", async (s) => {
  const first = await s.host({ flags: ["--name", "To be deleted"] });
  const second = await s.host({ flags: ["--name", "To be kept"] });
  const proxy = await s.world.proxy();
  const client = await s.client({ shape: PHONE, proxy });
  const item = (id: string) => client.at("session-item", { session: id });
  await client.openSession(second.session);
  await client.live();
  await client.at("session-menu").click();
  await client.at("rename-input").fill("Kept by another name");
  await client.at("rename-send").click();
  await client.page.getByRole("heading", { level: 1, name: "Kept by another name" }).waitFor();
  await client.page.goto(`${client.origin}/#/`);
  await item(second.session).getByText("Kept by another name").waitFor();
  await first.end();
  await client.page.getByText("Ended", { exact: false }).first().click();
  const remove = item(first.session).getByRole("button", { name: /^Delete/ });
  await remove.click();
  const asked = client.page.getByRole("dialog", { name: "Delete “To be deleted”?" });
  await asked.getByRole("button", { name: "Keep" }).click();
  await asked.waitFor({ state: "detached" });
  await item(first.session).waitFor();
  // The network goes just before it is confirmed.
  client.allowCuts();
  await remove.click();
  proxy.refuse(true);
  proxy.cut();
  await client.at("presence", { state: "lost" }).waitFor();
  await asked.getByRole("button", { name: "Delete", exact: true }).click();
  await asked.getByRole("alert").getByText("Not deleted: the relay is not connected").waitFor();
  await client.fits();
  proxy.refuse(false);
  await client.live(); // by itself: the dialog lies over "Try now"
  await asked.getByRole("button", { name: "Delete", exact: true }).click();
  await item(first.session).waitFor({ state: "detached" });
  await client.page.locator(".toast").getByText("“To be deleted” was deleted").waitFor();
  expect((await s.world.sessions()).map((one) => one.session_id)).toEqual([second.session]);
});

scene("something else answers in the relay's place: the page says so, and forgets it when the relay is back", async (s) => {
  const host = await s.host();
  const proxy = await s.world.proxy();
  const client = await s.watching(host, { shape: PHONE, proxy });
  client.allowCuts();
  client.allow(/status of 502/);
  await client.page.route("**/v1/who", (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad Gateway</h1>" }));
  proxy.refuse(true);
  proxy.cut();
  await client.at("presence", { state: "lost" }).waitFor();
  await until("it is said", async () => {
    await client.page.getByRole("button", { name: /try now/i }).click({ timeout: 500 }).catch(() => {});
    return client.at("presence").getByText("something else answers (HTTP 502)").waitFor({ timeout: 1000 }).then(() => true, () => false);
  });
  await client.fits();
  proxy.refuse(false);
  await client.tryNow();
  await client.at("presence").getByText("something else answers").waitFor({ state: "detached" });
});
