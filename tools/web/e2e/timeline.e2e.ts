/** The conversation: it holds still, it is bounded, it goes back to the first word, and nothing in it runs. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { DESK, PHONE, type Client } from "./browser.ts";
import { until } from "./processes.ts";
import { scene } from "./scene.ts";

const scroller = (client: Client) => client.page.getByRole("feed");
const rows = (client: Client) => client.at("timeline-item").count();

/** Goes up a screen, and tells how far each row that is still seen moved against what was scrolled. */
const upOneStep = (page: Page) => page.evaluate(async () => {
  const box = document.querySelector<HTMLElement>("[role=feed]")!;
  const tops = () => new Map([...box.querySelectorAll<HTMLElement>("[data-key]")].map((row) => [row.dataset["key"]!, row.getBoundingClientRect()]));
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const view = box.getBoundingClientRect();
  const before = tops();
  const from = box.scrollTop;
  box.scrollTop -= 250;
  const moved = from - box.scrollTop;
  for (let i = 0; i < 3; i++) await frame();
  const wrong: string[] = [];
  for (const [key, at] of tops()) {
    const was = before.get(key);
    if (!was || key.startsWith("g:") || at.bottom < view.top || at.top > view.bottom) continue;
    if (Math.abs(at.top - was.top - moved) > 2) wrong.push(`${key} moved by ${at.top - was.top} instead of ${moved}`);
  }
  return { wrong, top: box.scrollTop, waits: box.querySelector('[data-kind="gap"]') !== null };
});

scene("it goes back to the first word, and what is read holds still while pages come", async (s) => {
  const host = await s.host();
  for (let turn = 0; turn < 6; turn++)
    await s.world.turn(host.session, ...(turn === 0 ? ["SAY the very first words"] : []),
      ...Array.from({ length: 60 }, (_, i) => (i % 4 ? `SAY part ${turn}.${i} ${"of **many** words ".repeat((i * 7) % 23)}` : `PRINT ${i % 3} line\\nline ${i}\\n`)));
  await s.world.turn(host.session, "SAY the newest words");
  const client = await s.watching(host, { shape: DESK });
  await client.at("timeline").getByText("the newest words").last().waitFor();
  await until("the beginning is there", async () => {
    const step = await upOneStep(client.page);
    expect(step.wrong).toEqual([]);
    expect(await rows(client)).toBeLessThanOrEqual(100);
    return step.top === 0 && !step.waits;
  }, 300_000);
  await client.at("timeline").getByText("the very first words").last().waitFor();
  // What comes at the end moves nothing here, and is counted.
  await s.world.turn(host.session, "SAY it came later");
  await client.at("jump-latest").getByText(/new/).waitFor();
  expect(await scroller(client).evaluate((box) => box.scrollTop)).toBe(0);
  await client.at("jump-latest").click();
  await client.at("timeline").getByText("it came later").last().waitFor();
  await client.fits();
});

scene("a phone jumps to the start, finds what is far away, and follows the end", async (s) => {
  const host = await s.host();
  await s.world.turn(host.session, "SAY the very first words", "SAY a needle in the hay");
  for (let turn = 0; turn < 5; turn++) await s.world.turn(host.session, ...Array.from({ length: 70 }, (_, i) => `SAY straw ${turn}.${i} ${"and straw ".repeat(i % 9)}`));
  const client = await s.watching(host, { shape: PHONE });
  await client.at("search-input").fill("needle in the hay");
  await client.at("search-hit").first().click();
  await client.at("timeline").getByText("a needle in the hay").first().waitFor();
  await client.at("search-input").press("Escape");
  await client.at("jump-latest").click();
  await s.world.send(host.session, "SLOW 60 20", "SAY the end of it");
  await client.at("timeline").getByText("the end of it").last().waitFor();
  await until("the end is seen", () => scroller(client).evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop < 2));
  await client.page.getByRole("button", { name: "Jump to" }).click();
  await client.page.getByRole("button", { name: "Start of the session" }).click();
  await client.at("timeline").getByText("The session begins here").waitFor();
  await until("it stands at the start", () => scroller(client).evaluate((box) => box.scrollTop === 0));
  await client.fits();
});

scene("a long answer shows its beginning and its end, and nothing moves when it is complete", async (s) => {
  const host = await s.host();
  await s.world.turn(host.session, "SAY before it");
  const client = await s.watching(host, { shape: PHONE });
  const row = client.at("timeline-item", { kind: "assistant" }).last();
  // What the last row is, each frame, from the last words on.
  await client.page.evaluate(() => {
    const seen = ((window as unknown as { seen: string[] }).seen = []) as string[];
    const look = () => {
      const text = [...document.querySelectorAll("[data-kind=assistant]")].at(-1)?.textContent ?? "";
      const last = /slow 3000\/3000/.test(text) ? "its end" : seen.length > 0 ? "something else" : "";
      if (last && seen.at(-1) !== last) seen.push(last);
      requestAnimationFrame(look);
    };
    look();
  });
  await s.world.turn(host.session, "SLOW 3000 2");
  await row.getByText("slow 3000/3000").waitFor();
  await until("the turn's end is shown", async () => (await client.at("timeline-item", { kind: "turn" }).count()) > 0 && (await client.page.locator(".tl-writing").count()) === 0);
  await until("the end is seen", () => scroller(client).evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop < 2));
  expect(await client.page.evaluate(() => (window as unknown as { seen: string[] }).seen)).toEqual(["its end"]);
  const text = await row.innerText();
  expect(text).toContain("slow 1/3000");
  expect(text).not.toContain("slow 1700/3000");
  const more = row.getByRole("button", { name: /^Show the [\d.]+ KiB between \([\d.]+ KiB in all\)$/ });
  await more.click();
  await row.getByText("slow 1700/3000").waitFor();
  expect((await row.innerText()).match(/slow \d+\/3000/g)).toEqual(Array.from({ length: 3000 }, (_, i) => `slow ${i + 1}/3000`));
  expect(await more.count()).toBe(0);
  await client.fits();
});

scene("only a person ends following the end: not rows that shrink and grow, a slow machine, the keyboard or a turned phone", async (s) => {
  const host = await s.host();
  const client = await s.watching(host, { shape: PHONE });
  await s.world.turn(host.session, ...Array.from({ length: 30 }, (_, i) => `SAY part ${i} ${"of many words ".repeat(i % 20)}`));
  await client.said("part 29").waitFor();
  const cdp = await client.context.newCDPSession(client.page);
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: 20 });
  // A row that becomes small, is laid out, and becomes large before anybody is told of it; and whether the end was ever left.
  await client.page.evaluate(() => {
    const page = window as unknown as { left: number; changed: number; timer: number };
    page.left = page.changed = 0;
    new MutationObserver(() => {
      if (document.querySelector("[data-testid=jump-latest]")) page.left++;
    }).observe(document.querySelector("[data-testid=timeline]")!, { childList: true, subtree: true });
    page.timer = window.setInterval(() => {
      const box = document.querySelector("[role=feed]")!;
      const rows = [...box.querySelectorAll<HTMLElement>("[data-key]")].slice(-3);
      const row = rows[page.changed % rows.length];
      if (!row) return;
      row.style.paddingBlockEnd = "0px";
      row.style.blockSize = "1px";
      void box.scrollHeight;
      row.style.blockSize = "";
      row.style.paddingBlockEnd = `${100 + (page.changed++ % 7) * 60}px`;
    }, 60);
  });
  const turn = s.world.turn(host.session, "SLOW 100 10", "THINK a thought", "BIG 90", "PRINT 0 one\\ntwo\\n", "SAY and then", "SLOW 60 10", "SAY this is the end");
  for (const height of [360, 740, 400, 740, 500]) {
    await client.page.setViewportSize({ width: height === 360 ? 740 : 360, height });
    await client.page.waitForTimeout(300);
  }
  await turn;
  await client.said("this is the end").waitFor();
  await until("there were changes", () => client.page.evaluate(() => (window as unknown as { changed: number }).changed > 20));
  await client.page.evaluate(() => clearInterval((window as unknown as { timer: number }).timer));
  await until("the end is seen", () => scroller(client).evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop < 2));
  expect(await client.page.evaluate(() => (window as unknown as { left: number }).left)).toBe(0);
  expect(await client.at("jump-latest").count()).toBe(0);
  // A person does.
  await scroller(client).evaluate((box) => (box.scrollTop -= 60));
  await client.at("jump-latest").waitFor();
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  await client.fits();
});

function png(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2], 8);
  const pixels = Buffer.alloc(height * (1 + 3 * width), 200);
  for (let y = 0; y < height; y++) pixels[y * (1 + 3 * width)] = 0;
  return Buffer.concat([Buffer.from([0x89, 80, 78, 71, 13, 10, 26, 10]), chunk("IHDR", head), chunk("IDAT", deflateSync(pixels)), chunk("IEND", Buffer.alloc(0))]);
}

scene("pictures are drawn and saved, and nothing that is said runs or leaves", async (s) => {
  const host = await s.host();
  writeFileSync(join(s.world.work, "pic.png"), png(300, 150));
  const client = await s.watching(host, { shape: PHONE });
  await s.world.turn(host.session, "SHOW image image/png pic.png",
    "SAY <script>window.ran=1</script><img src=//e.example/x onerror=window.ran=1> <b onclick=window.ran=1>b</b> [x](javascript:window.ran=1) [bank](https://e.example/login) ![i](https://e.example/i.png)",
    "PRINT 0 <img src=x onerror=window.ran=1>\\n\\033[31mred\\033[0m\\n", 'UPDATE {"sessionUpdate":"news","x":"<script>window.ran=1</script>"}', "SAY after all of it");
  await client.at("timeline").getByText("after all of it").last().waitFor();
  await scroller(client).evaluate((box) => (box.scrollTop = 0));
  await until("the picture is drawn", () => client.page.evaluate(() => document.querySelector<HTMLCanvasElement>(".picture canvas")?.width === 300));
  const [download] = await Promise.all([client.page.waitForEvent("download"), client.at("asset").getByRole("button", { name: "Save" }).first().click()]);
  expect(readFileSync(await download.path())).toEqual(png(300, 150));
  const links = await client.page.locator(".md a").evaluateAll((all) => all.map((a) => [a.getAttribute("href"), a.getAttribute("rel"), a.getAttribute("target")]));
  for (const [href, rel, target] of links) expect([href?.startsWith("https://"), rel, target]).toEqual([true, "noopener noreferrer", "_blank"]);
  expect(await client.page.evaluate(() => [(window as unknown as { ran?: number }).ran, document.querySelectorAll("[role=feed] img, [role=feed] script, [role=feed] [style*=color]").length])).toEqual([undefined, 0]);
  await client.fits();
});
