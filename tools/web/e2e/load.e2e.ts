/** What comes over the network before the page can be used, and what it does without its module. */
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Response } from "playwright-core";
import { expect } from "vitest";
import { PHONE } from "./browser.ts";
import { scene } from "./scene.ts";
import { webFolder } from "./world.ts";

const FIRST_LOAD_BYTES_MAX = 250 * 1024;

scene("the first load is at most 250 KiB compressed", async (s) => {
  await s.host();
  const answers: Response[] = [];
  const client = await s.client({
    shape: PHONE,
    before: (opened) => void opened.page.on("response", (answer) => void answers.push(answer)),
  });
  await client.at("session-item").first().waitFor();
  const loaded = new Map<string, number>();
  for (const answer of answers) {
    const { pathname } = new URL(answer.url());
    if (pathname.startsWith("/v1/")) continue;
    loaded.set(pathname, (loaded.get(pathname) ?? 0) + (await answer.request().sizes()).responseBodySize);
  }
  const sum = [...loaded.values()].reduce((a, b) => a + b, 0);
  console.log(`first load: ${(sum / 1024).toFixed(1)} KiB`, Object.fromEntries(loaded));
  expect([...loaded.keys()].some((path) => path.endsWith(".wasm"))).toBe(true);
  expect(sum).toBeLessThanOrEqual(FIRST_LOAD_BYTES_MAX);
  await client.fits();
});

scene("without its module the page says so and shows nothing of a session", async (s) => {
  const host = await s.host();
  await s.world.turn(host.session, "SAY words that only the module can read");
  const without = join(s.world.folder, "web");
  cpSync(webFolder, without, { recursive: true });
  for (const name of readdirSync(join(without, "assets"))) if (name.endsWith(".wasm")) rmSync(join(without, "assets", name));
  await s.world.relay!.kill();
  await s.world.startRelay("--web", without);
  const client = await s.client({ at: `#/s/${host.session}`, allow: [/404/] });
  await client.page.getByText(/could not be loaded|cannot be loaded|did not load/i).first().waitFor();
  expect(await client.page.locator("body").innerText()).not.toContain("only the module can read");
});
