/** Who may see anything at all, and how that ends. */
import { expect } from "vitest";
import { PHONE, type Client } from "./browser.ts";
import { scene } from "./scene.ts";

async function byHand(client: Client, token: string): Promise<void> {
  await client.at("sign-in-token").fill(token);
  await client.at("sign-in").click();
}

scene("with a token: wrong ones are refused and said, the right one is kept where no script reads it", async (s) => {
  const host = await s.host({ flags: ["--name", "Behind the door"] });
  const client = await s.client({ anonymous: true, shape: PHONE, allow: [/\b40[13]\b/] });
  await client.at("sign-in-token").waitFor();
  expect(await client.page.locator("body").innerText()).not.toContain("Behind the door");
  await byHand(client, "rrt_not-a-token");
  await client.page.getByRole("alert").filter({ hasText: /\w/ }).first().waitFor();
  await client.fits();
  await byHand(client, s.world.token);
  await client.at("session-item", { session: host.session }).waitFor();
  const readable = await client.page.evaluate(async () => {
    const found = [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage), location.href, document.documentElement.outerHTML];
    for (const { name } of await indexedDB.databases()) {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const opening = indexedDB.open(name!);
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(opening.error);
      });
      for (const store of database.objectStoreNames) {
        const all = await new Promise<unknown[]>((resolve) => {
          const asking = database.transaction(store).objectStore(store).getAll();
          asking.onsuccess = () => resolve(asking.result);
          asking.onerror = () => resolve([]);
        });
        found.push(JSON.stringify(all, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)));
      }
      database.close();
    }
    for (const name of await caches.keys())
      for (const request of await (await caches.open(name)).keys()) found.push(request.url);
    return found.join("\n");
  });
  expect(readable).not.toContain(s.world.token);
  const cookies = await client.context.cookies();
  expect(cookies.every((cookie) => cookie.httpOnly && cookie.sameSite === "Strict")).toBe(true);
  await client.page.reload();
  await client.at("session-item", { session: host.session }).waitFor(); // it stays signed in
});

scene("a device that is revoked is told so at once, sees nothing more, and finds nothing when it comes back", async (s) => {
  const host = await s.host();
  const client = await s.watching(host, { token: await s.world.newToken("lost phone"), shape: PHONE, allow: [/\b40[13]\b/] });
  client.allowCuts();
  await s.world.turn(host.session, "SAY before it was lost");
  await client.said("before it was lost").waitFor();
  await s.world.cli("devices", "revoke", "lost phone", "--yes");
  await client.page.getByText(/sign in|revoked/i).first().waitFor();
  await s.world.turn(host.session, "SAY a secret from after that");
  await client.page.reload();
  await client.at("sign-in-token").waitFor();
  expect(await client.page.locator("body").innerText()).not.toMatch(/before it was lost|a secret from after/);
});

scene("a browser that keeps no cookies is told so, and no invitation is used up", async (s) => {
  const client = await s.client({ anonymous: true, shape: PHONE, allow: [/\b40[13]\b/] });
  await client.page.route("**/v1/sign-in", async (route) => {
    const answer = await route.fetch();
    const { "set-cookie": _kept, ...headers } = answer.headers();
    await route.fulfill({ response: answer, headers });
    await client.context.clearCookies();
  });
  await byHand(client, s.world.token);
  await client.page.getByRole("alert").getByText("the browser did not keep its cookie").waitFor();
  await client.fits();
  expect(await client.at("no-cookies").count()).toBe(0);
  await client.page.addInitScript(() => Object.defineProperty(Navigator.prototype, "cookieEnabled", { get: () => false }));
  const invitation = (await s.world.relayCommand("invite")).match(/rri_\S+/)![0];
  await client.page.goto("about:blank");
  await client.page.goto(`${client.origin}/#/sign-in/${invitation}`);
  await client.at("no-cookies").waitFor();
  await client.at("invite-accept").click();
  await client.page.getByText("an invitation is good once").waitFor();
  await client.fits();
});
