/** What comes over the network before the page can be used. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Client, launch, PHONE } from "./browser.ts";
import { webFolder, World } from "./world.ts";

const FIRST_LOAD_BYTES_MAX = 250 * 1024;
let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => browser?.close());

test("the first load is at most 250 KiB compressed, and nothing comes from elsewhere", async () => {
  const world = await World.start();
  try {
    const loaded = new Map<string, number>();
    const client = await Client.open(browser, world.url, {
      shape: PHONE,
      allow: [/favicon/],
      before: (opened) => void opened.context.on("response", (answer) => {
        const { pathname } = new URL(answer.url());
        if (pathname.startsWith("/v1/")) return;
        const file = join(webFolder, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
        loaded.set(pathname, gzipSync(readFileSync(file), { level: 9 }).length);
      }),
    });
    await client.page.locator("h1").first().waitFor();
    await client.page.waitForLoadState("networkidle");
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

