/** Long sessions: the past is loaded as it is wanted, searched, and jumped to; the newest is one press away. */
import { expect } from "vitest";
import { heldBy, PHONE } from "./browser.ts";
import { until } from "./processes.ts";
import { scene } from "./scene.ts";
import { digestOf, logOf } from "./truth.ts";

scene("back to the beginning, a search, a jump, and to the newest again", async (s) => {
  const host = await s.host();
  await s.world.turn(host.session, "SAY the very first words");
  for (let i = 0; i < 6; i++)
    await s.world.turn(host.session, ...Array.from({ length: 120 }, (_, n) => `SAY number ${i * 120 + n} of many`), ...(i === 2 ? ["SAY a needle in the hay"] : []));
  await s.world.turn(host.session, "SAY the newest words");
  const client = await s.watching(host, { shape: PHONE });
  await client.said("the newest words").waitFor();
  expect(await client.at("timeline-item").count()).toBeLessThan(300); // only what is near is there
  await client.at("search-input").or(client.page.getByRole("button", { name: /search/i })).first().click();
  await client.at("search-input").fill("needle in the hay");
  await client.at("search-input").press("Enter");
  // What was typed is searched by itself, too: when that was quicker, Enter goes to the hit.
  const hit = client.at("search-hit").first();
  await hit.or(client.said("a needle in the hay")).first().waitFor();
  if (await hit.isVisible()) await hit.click();
  await client.said("a needle in the hay").waitFor();
  await client.fits();
  await s.world.turn(host.session, "SAY it came while I was reading");
  const back = client.at("jump-latest");
  await back.click();
  await client.said("it came while I was reading").waitFor();
  await until("the beginning is loaded", async () => {
    await client.page.evaluate(() => {
      const scroller = [...document.querySelectorAll("[data-testid=timeline], [data-testid=timeline] *")].find((e) => e.scrollHeight > e.clientHeight + 50);
      if (scroller) scroller.scrollTop = 0;
    });
    const earlier = client.at("load-earlier");
    if (await earlier.isVisible()) await earlier.click({ timeout: 2000 }).catch(() => {});
    return (await client.said("the very first words").count()) > 0;
  });
  const held = await until("the page says what it holds", () => heldBy(client));
  expect(held.sha256).toBe(digestOf(await logOf(s.world, host.session), held.from, held.to));
});
