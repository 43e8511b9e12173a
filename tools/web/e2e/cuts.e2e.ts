/** The network goes in every way it can, outside of the browser; what the page then holds is what the relay's log holds. */
import { expect } from "vitest";
import { heldBy, PHONE, type Client } from "./browser.ts";
import { until } from "./processes.ts";
import { scene, type Scene } from "./scene.ts";
import { digestOf, logOf } from "./truth.ts";
import type { Host } from "./world.ts";

/** The page holds events up to the log's end, and those are the log's, byte by byte. */
async function holdsTheLog(s: Scene, client: Client, host: Host): Promise<void> {
  const log = await logOf(s.world, host.session);
  const end = log.at(-1)!.offset + 1;
  const held = await until("the page holds the log to its end", async () => {
    const now = await heldBy(client);
    return now && now.to >= end && now;
  });
  expect(held.to).toBe(end);
  expect(held.sha256).toBe(digestOf(log, held.from, held.to));
}

/** What the agent said stands there once, in order. */
async function saidOnce(client: Client, count: number): Promise<void> {
  await client.said(`slow ${count}/${count}`).waitFor();
  const text = (await client.at("timeline-item", { kind: "assistant" }).allInnerTexts()).join("\n");
  const numbers = [...text.matchAll(/slow (\d+)\/\d+/g)].map((found) => Number(found[1]));
  expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i + 1));
}

scene("cut in the middle of streaming, again and again, at any byte", async (s) => {
  const host = await s.host();
  const proxy = await s.world.proxy();
  const client = await s.watching(host, { proxy });
  client.allowCuts();
  await s.world.send(host.session, "SLOW 150 40", "SAY it is over");
  await client.said("slow 3/150").waitFor();
  let cuts = 0;
  for (const bytes of [1, 700, 1900, 3300, 20]) {
    let done = false;
    void proxy.cutAfter(bytes).then(() => {
      done = true;
      cuts++;
    });
    await until("it is cut, or all has been said", async () => done || (await client.said("it is over").count()) > 0);
  }
  expect(cuts).toBeGreaterThanOrEqual(1); // on a slow machine all is said before the last one
  await saidOnce(client, 150);
  await client.said("it is over").waitFor();
  await client.live();
  await holdsTheLog(s, client, host);
});

scene("a network that goes silent is noticed, said, and left for another", async (s) => {
  const host = await s.host();
  const proxy = await s.world.proxy();
  const client = await s.watching(host, { proxy, shape: PHONE });
  client.allowCuts();
  await s.world.send(host.session, "SLOW 60 50");
  await client.said("slow 2/60").waitFor();
  proxy.refuse(true);
  proxy.silence();
  await client.at("presence", { state: "lost" }).waitFor();
  await client.at("countdown").waitFor();
  await client.fits();
  await s.world.turn(host.session, "SAY said while nobody was there");
  proxy.refuse(false);
  await client.tryNow();
  await client.live();
  await saidOnce(client, 60);
  await client.said("said while nobody was there").waitFor();
  await holdsTheLog(s, client, host);
});

scene("the relay is killed and comes back; what was written meanwhile is delivered once", async (s) => {
  const host = await s.host();
  const client = await s.watching(host);
  client.allowCuts();
  await s.world.send(host.session, "SLOW 50 60");
  await client.said("slow 2/50").waitFor();
  await s.world.relay!.kill();
  await client.at("presence", { state: "lost" }).waitFor();
  await client.at("prompt-input").fill("SAY written while the relay was away");
  await client.at("prompt-send").click();
  await s.world.startRelay();
  await client.live();
  await saidOnce(client, 50);
  await client.said("written while the relay was away").waitFor();
  await until("it was done", async () => (await s.world.sessions()).find((x) => x.session_id === host.session)?.status === "idle");
  const events = await s.world.events(host.session);
  expect(events.filter((e) => JSON.stringify(e.assistant_message ?? "").includes("written while the relay was away")).length).toBe(1);
  await holdsTheLog(s, client, host);
});

scene("a phone sleeps: the page is frozen, its connection dies, it wakes and goes on", async (s) => {
  const host = await s.host();
  const proxy = await s.world.proxy();
  const client = await s.watching(host, { proxy, shape: PHONE });
  client.allowCuts();
  const devtools = await client.context.newCDPSession(client.page);
  await s.world.turn(host.session, "SAY before it slept");
  await client.said("before it slept").waitFor();
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  proxy.silence();
  await s.world.turn(host.session, "SAY while it slept");
  await s.world.send(host.session, "RUN echo woken");
  await s.world.cli("watch", host.session, "--json", "--until", "ask", "--timeout", "60");
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await client.said("while it slept").waitFor();
  await client.at("ask-card", { state: "open" }).waitFor();
  await client.answer("[data-option-kind=reject_once]");
  await client.at("ask-card", { state: "open" }).waitFor({ state: "detached" });
  await until("the turn is over", async () => (await s.world.sessions()).find((x) => x.session_id === host.session)?.status === "idle");
  await holdsTheLog(s, client, host);
});

scene("a slow way, with everything a second late, is a slow way and not a lost one", async (s) => {
  const host = await s.host();
  const proxy = await s.world.proxy();
  const client = await s.watching(host, { proxy });
  client.allowCuts();
  proxy.delay(500);
  await s.world.turn(host.session, "SLOW 20 20");
  await saidOnce(client, 20);
  proxy.delay(0);
  await holdsTheLog(s, client, host);
});

scene("the host goes: the page says that it is away, since when, and that it is back", async (s) => {
  const host = await s.host();
  const client = await s.watching(host);
  await s.world.turn(host.session, "SAY hello");
  await host.kill();
  await client.page.locator("[data-testid=presence]:not([data-host=here]):not([data-host=attached])").waitFor();
  await client.page.getByText(/away/i).first().waitFor();
  await client.fits();
  const back = await s.world.startHost({ resume: host.session });
  expect(back.session).toBe(host.session);
  await s.world.turn(host.session, "SAY back again");
  await client.said("back again").waitFor();
});
