/** What comes over the network before the page can be used. */
import type { Browser, Response } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Client, launch, PHONE } from "./browser.ts";
import { World } from "./world.ts";

const FIRST_LOAD_BYTES_MAX = 250 * 1024;
let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => browser?.close());

test("the first load is at most 250 KiB compressed, and nothing comes from elsewhere", async () => {
  const world = await World.start();
  try {
    const answers: Response[] = [];
    const client = await Client.open(browser, world.url, {
      shape: PHONE,
      allow: [/favicon/],
      before: (opened) => void opened.context.on("response", (answer) => void answers.push(answer)),
    });
    await client.page.locator("h1").first().waitFor();
    await client.page.waitForLoadState("networkidle");
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
    await client.close();
  } finally {
    await world.end();
  }
});

