/** Signing in, adding and revoking devices, signing out: in browsers, against the real relay. */
import { expect } from "vitest";
import type { Client } from "./browser.ts";
import { DESK, PHONE } from "./browser.ts";
import { until } from "./processes.ts";
import { scene, type Scene } from "./scene.ts";

const ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36";
/** What a browser writes to its console of an answer that is an error: a refused sign-in is one. */
const REFUSED = /status of 40[13]/;

/** Nothing that a script of the page reaches holds a token. */
async function nothingToRead(client: Client): Promise<void> {
  const reached = await client.page.evaluate(async () => {
    const databases = await Promise.all((await indexedDB.databases()).map((one) => one.name ?? ""));
    return JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, databases, location.href,
      document.documentElement.outerHTML]);
  });
  expect(reached).not.toMatch(/rrt_[0-9a-f]{8}/);
  const cookies = await client.context.cookies();
  expect(cookies.every((cookie) => cookie.httpOnly && cookie.sameSite === "Strict")).toBe(true);
}

async function devicesOf(s: Scene): Promise<string[]> {
  return (await s.world.json("devices")).map((device) => String(device.name));
}

async function signedIn(client: Client): Promise<void> {
  await client.at("session-list").waitFor();
  await client.live();
}

scene("a token signs in, and no script can read it", async (s) => {
  const client = await s.client({ shape: PHONE, anonymous: true, allow: [REFUSED] });
  await client.at("sign-in-token").fill(`rrt_${"12".repeat(32)}`);
  await client.at("sign-in").click();
  await client.page.getByText("The token is not known here").first().waitFor();
  await client.fits();
  await client.at("sign-in-token").fill(s.world.token);
  await client.at("sign-in").click();
  await signedIn(client);
  await nothingToRead(client);
  await client.page.reload();
  await signedIn(client);
});

scene("a code that the page shows outlives a reload and the relay, and a person confirms it", async (s) => {
  const phone = await s.client({ shape: PHONE, anonymous: true, language: "en-GB" });
  await phone.at("pair-name").fill("Ada’s phone");
  await phone.at("pair").click();
  await phone.at("pair-code").waitFor();
  const code = (await phone.at("pair-code").textContent())!;
  expect(code).toMatch(/^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/);
  await phone.fits();
  await phone.page.reload();
  await phone.page.getByText(code, { exact: true }).first().waitFor();
  phone.allowCuts();
  await s.world.restartRelay();
  const desk = await s.client({ shape: DESK, at: "#/devices" });
  await desk.at("device-item").first().waitFor();
  await desk.at("pair-code-input").fill(code.toLowerCase().replace("-", " "));
  await desk.at("pair-look").click();
  await desk.at("pairing-entry").waitFor();
  expect(await desk.at("pairing-entry").innerText()).toMatch(/Ada’s phone[\s\S]*127\.0\.0\.1/);
  expect(await phone.at("pair-code").textContent()).toBe(code);
  await desk.at("pair-confirm").click();
  await signedIn(phone);
  await nothingToRead(phone);
  await desk.at("device-item").filter({ hasText: "Ada’s phone" }).waitFor();
});

scene("a code from a camera is looked at, and refused by a person", async (s) => {
  const phone = await s.client({ shape: PHONE, anonymous: true, allow: [REFUSED] });
  await phone.at("pair").click();
  const code = (await phone.at("pair-code").textContent())!;
  const desk = await s.client({ shape: PHONE, at: `#${code}` });
  await desk.at("pairing-entry").waitFor();
  await desk.fits();
  await desk.at("pair-deny").click();
  await desk.page.getByText("Refused: its code is worth nothing any more").first().waitFor();
  await phone.page.getByText("A person refused this device").first().waitFor();
  expect(await devicesOf(s)).toHaveLength(1);
});

scene("an invitation is shown before it is used, leaves the address, and is good once", async (s) => {
  const desk = await s.client({ shape: DESK, at: "#/devices" });
  await desk.at("invite").click();
  await desk.at("invite-qr").waitFor();
  const link = (await desk.at("invite-qr").getAttribute("data-link"))!;
  // What looks at links by itself uses none up.
  for (let i = 0; i < 3; i++) expect((await desk.context.request.get(link)).status()).toBe(200);
  const invited = await s.client({ shape: PHONE, anonymous: true, at: link.slice(s.world.url.length), allow: [REFUSED] });
  await invited.at("invite-accept").waitFor();
  expect(invited.page.url()).not.toContain("rri_");
  expect(await invited.page.locator("main").innerText()).toMatch(/account owner/);
  expect(await devicesOf(s)).toHaveLength(1);
  await invited.fits();
  await invited.at("invite-name").fill("kitchen tablet");
  await invited.at("invite-accept").click();
  await signedIn(invited);
  await nothingToRead(invited);
  await desk.at("device-item").filter({ hasText: "kitchen tablet" }).waitFor();
  const late = await s.client({ shape: PHONE, anonymous: true, at: link.slice(s.world.url.length), allow: [REFUSED] });
  // said before anybody presses a button
  await late.page.getByText("This invitation was used already").first().waitFor();
  await late.at("sign-in-token").waitFor();
  expect((await devicesOf(s)).sort()).toContain("kitchen tablet");
});

scene("a device is renamed and revoked; the page says so and keeps nothing", async (s) => {
  const host = await s.host();
  await s.world.turn(host.session, "SAY words of a session");
  const lost = await s.client({ shape: PHONE, token: await s.world.newToken("lost phone"), at: `#/s/${host.session}`, allow: [REFUSED] });
  await lost.page.getByText("words of a session").first().waitFor();
  const desk = await s.client({ shape: DESK, at: "#/devices" });
  const item = desk.at("device-item").filter({ hasText: "lost phone" });
  await item.getByRole("button", { name: "Rename" }).click();
  await desk.page.getByLabel("New name of lost phone").fill("very lost phone");
  await desk.page.getByRole("button", { name: "Rename", exact: true }).click();
  await desk.at("device-item").filter({ hasText: "very lost phone" }).getByTestId("device-revoke").click();
  lost.allowCuts();
  await desk.page.getByRole("button", { name: "Revoke", exact: true }).click();
  await lost.page.getByText("This device was revoked").first().waitFor();
  await lost.at("sign-in-token").waitFor();
  expect(await lost.page.locator("body").innerText()).not.toContain("words of a session");
  const kept = await until("nothing is kept", async () => {
    const found = await lost.page.evaluate(() => JSON.stringify({ ...localStorage }));
    return !found.includes("owner") && found;
  });
  expect(kept).not.toContain("words of a session");
  await until("the list knows", async () => !(await devicesOf(s)).includes("very lost phone"));
});

scene("tabs share a sign-in; signing out in one ends all, everywhere ends all devices", async (s) => {
  const token = await s.world.newToken("browser");
  const one = await s.client({ shape: DESK, token });
  await signedIn(one);
  const two = await one.context.newPage();
  await two.goto(s.world.url);
  await two.locator('[data-testid="session-list"]').waitFor();
  const other = await s.client({ shape: PHONE, token: await s.world.newToken("phone") });
  await signedIn(other);
  one.allow(REFUSED);
  other.allow(REFUSED);
  await one.page.goto(`${s.world.url}#/devices`);
  await one.at("sign-out").click();
  await one.page.getByRole("button", { name: "Sign out", exact: true }).click();
  await one.at("sign-in-token").waitFor();
  await two.locator('[data-testid="sign-in-token"]').waitFor();
  expect(await one.context.cookies()).toHaveLength(0);
  await until("it is revoked", async () => !(await devicesOf(s)).includes("browser"));
  await other.live(); // it is another device
  // Both tabs come back with the next sign-in in one of them.
  await one.at("sign-in-token").fill(await s.world.newToken("again"));
  await one.at("sign-in").click();
  await signedIn(one);
  await two.locator('[data-testid="session-list"]').waitFor();
  await one.page.goto(`${s.world.url}#/devices`);
  await one.at("sign-out-everywhere").click();
  await one.page.getByRole("button", { name: "Sign out all devices" }).click();
  await one.at("sign-in-token").waitFor();
  await two.locator('[data-testid="sign-in-token"]').waitFor();
  await other.at("sign-in-token").waitFor();
  expect((await s.world.tryCli(["devices"])).code).not.toBe(0);
});

scene("another account sees nothing of the one before", async (s) => {
  const host = await s.host();
  await s.world.turn(host.session, "TITLE the owner's secret plans", "SAY plans");
  const client = await s.client({ shape: PHONE });
  await signedIn(client);
  await client.at("session-item").first().waitFor();
  await s.world.relayCommand("account", "guest");
  const guest = (await s.world.relayCommand("token", "--account", "guest", "--device", "guest's")).match(/rrt_\S+/)![0];
  await client.page.goto(`${s.world.url}#/sign-in`);
  await client.at("sign-in-token").fill(guest);
  await client.at("sign-in").click();
  await client.page.getByText("guest", { exact: true }).first().waitFor();
  await signedIn(client);
  await until("the list of the guest", async () => (await client.at("session-list").getAttribute("aria-busy")) === "false");
  expect(await client.at("session-item").count()).toBe(0);
  const kept = await client.page.evaluate(() => JSON.stringify([{ ...localStorage }, document.body.innerText]));
  expect(kept).not.toContain("secret plans");
});

scene("what a device calls itself comes from its browser", async (s) => {
  const client = await s.client({
    shape: PHONE, anonymous: true,
    before: async ({ page }) => {
      await page.addInitScript((agent: string) => Object.defineProperty(navigator, "userAgent", { get: () => agent }), ANDROID);
    },
  });
  expect(await client.at("pair-name").inputValue()).toBe("Chrome on Android phone");
});
