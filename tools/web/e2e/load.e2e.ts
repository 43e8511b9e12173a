/** What comes over the network before the page can be used, and what it does without its module. */
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { firstLoad, inGzip, interactive, streaming, total } from "./measure.ts";
import { scene, type Scene } from "./scene.ts";
import { webFolder } from "./world.ts";

const FIRST_LOAD_BYTES_MAX = 250 * 1024;

/** As it went here, and in gzip, which is all that a browser takes from another machine without TLS. */
async function small(s: Scene, what: string, loaded: ReadonlyMap<string, number>): Promise<void> {
  const gzip = await inGzip(s, loaded);
  console.log(`${what}: ${(total(loaded) / 1024).toFixed(1)} KiB, in gzip ${(gzip / 1024).toFixed(1)} KiB`, Object.fromEntries(loaded));
  expect(total(loaded)).toBeLessThan(gzip);
  expect(gzip).toBeLessThanOrEqual(FIRST_LOAD_BYTES_MAX);
}

scene("the first load is at most 250 KiB compressed", async (s) => {
  await s.host();
  const loaded = await firstLoad(s);
  await small(s, "first load", loaded);
  expect([...loaded.keys()].some((path) => path.endsWith(".wasm"))).toBe(true);
});

scene("so is that of a session that a notification opens", async (s) => {
  const host = await s.host();
  await s.world.turn(host.session, "SAY opened by its link");
  const loaded = await firstLoad(s, { session: host.session, words: "opened by its link" });
  await small(s, "a session's first load", loaded);
  expect([...loaded.keys()].some((path) => /\/session-[^/]*\.js$/.test(path))).toBe(true);
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

// Ten times the goals, and once more when the machine had something else to do: docs/results/web.md has the figures themselves.
scene("a session is interactive, and stays so while it streams", async (s) => {
  const host = await s.host();
  await s.world.turn(host.session, "SAY hello");
  const twice = async (what: string, goal: number, measure: () => Promise<number>) => {
    let took = await measure();
    if (took >= 10 * goal) took = await measure();
    console.log(`${what}: ${took.toFixed(0)} ms`);
    expect(took).toBeLessThan(10 * goal);
  };
  await twice("interactive", 1000, () => interactive(s, host.session));
  const client = await s.watching(host);
  await twice("longest task", 100, async () => (await streaming(s, client, host.session, "MIX", 5)).longestMs);
  await twice("longest task while one message grows", 100, async () => (await streaming(s, client, host.session, "SLOW", 5)).longestMs);
});
