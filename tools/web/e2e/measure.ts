/** The measurements themselves; the bench takes many, a test takes a few. */
import { request } from "node:http";
import type { Response } from "playwright-core";
import { PHONE, type Client } from "./browser.ts";
import { until } from "./processes.ts";
import type { Scene } from "./scene.ts";
import { lengthOf } from "./truth.ts";

export interface Spread {
  count: number;
  p50: number;
  p99: number;
}

export interface Figures {
  firstLoadBytes: number;
  firstLoadGzipBytes: number;
  /** The same where a link leads to a session. */
  sessionLoadBytes: number;
  sessionLoadGzipBytes: number;
  interactiveMs: number;
  prompt: Spread;
  reply: Spread;
  ask: Spread;
  mixed: Stream;
  growing: Stream;
  longEvents: number;
  longOpenMs: number;
  longJumpMs: number;
  longScrollMs: number;
}

export interface Effort {
  rounds: number;
  interactive: number;
  streamSeconds: number;
  longEvents: number;
}

function spread(values: number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99) };
}

/** What went over the network, in bytes as they went, until the sessions are listed, or that session says its words. */
export async function firstLoad(s: Scene, direct?: { session: string; words: string }): Promise<Map<string, number>> {
  const answers: Response[] = [];
  const client = await s.client({
    shape: PHONE,
    ...(direct ? { at: `#/s/${direct.session}` } : {}),
    before: (opened) => void opened.page.on("response", (answer) => void answers.push(answer)),
  });
  await (direct ? client.said(direct.words) : client.at("session-item").first()).waitFor();
  const loaded = new Map<string, number>();
  for (const answer of answers) {
    const { pathname } = new URL(answer.url());
    if (pathname.startsWith("/v1/")) continue;
    loaded.set(pathname, (loaded.get(pathname) ?? 0) + (await answer.request().sizes()).responseBodySize);
  }
  await client.fits();
  await client.close();
  return loaded;
}

export const total = (loaded: ReadonlyMap<string, number>): number => [...loaded.values()].reduce((a, b) => a + b, 0);

/** What the same files are for a browser that takes gzip only: one of another machine, where the relay has no TLS. */
export async function inGzip(s: Scene, loaded: ReadonlyMap<string, number>): Promise<number> {
  let sum = 0;
  for (const path of loaded.keys()) {
    sum += await new Promise<number>((resolve, reject) => {
      const question = request(`http://127.0.0.1:${s.world.port}${path}`, { method: "HEAD", headers: { "accept-encoding": "gzip" } }, (answer) => {
        answer.resume();
        resolve(Number(answer.headers["content-length"]));
      });
      question.on("error", reject).end();
    });
  }
  return sum;
}

/** From opening the page (nothing cached) to a session that is shown and takes a prompt. */
export async function interactive(s: Scene, session: string): Promise<number> {
  const client = await s.client({ shape: PHONE, before: watchForPrompt, at: `#/s/${session}` });
  const took = await until("the prompt box is there and the session is live", () => client.page.evaluate(() => (window as unknown as { __ready?: number }).__ready));
  await client.close();
  return took;
}

/** In the page: notes when the prompt box is there and the link is live, ms since the page was asked for. */
async function watchForPrompt(client: Client): Promise<void> {
  await client.page.addInitScript(() => {
    const look = () => {
      const box = document.querySelector<HTMLTextAreaElement>("[data-testid=prompt-input]");
      if (box && !box.disabled && document.querySelector("[data-testid=presence][data-state=live]"))
        (window as unknown as { __ready: number }).__ready = performance.now();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

/** In the page: from the press of Send to the outcome that the host gave the prompt, and to the words that the agent answers with; ms. */
async function promptRounds(client: Client, rounds: number): Promise<{ outcome: number[]; reply: number[] }> {
  const outcome: number[] = [];
  const reply: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const words = `reply ${round} of the bench`;
    await client.at("prompt-input").fill(`SAY ${words}`);
    const took = await client.page.evaluate(async (text) => {
      const timeline = document.querySelector("[data-testid=timeline]")!;
      const rows = () => [...document.querySelectorAll<HTMLElement>("[data-testid=command]")];
      const before = new Set(rows().map((row) => row.dataset["command"]));
      const begun = performance.now();
      const seen = new Promise<{ outcome: number; reply: number }>((resolve) => {
        const times = { outcome: 0, reply: 0 };
        const look = () => {
          const now = performance.now() - begun;
          if (!times.outcome && rows().some((row) => !before.has(row.dataset["command"]) && row.dataset["state"] === "done")) times.outcome = now;
          if (!times.reply && [...timeline.querySelectorAll("[data-kind=assistant]")].some((e) => e.textContent?.includes(text))) times.reply = now;
          if (times.outcome && times.reply) resolve(times);
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      });
      document.querySelector<HTMLElement>("[data-testid=prompt-send]")!.click();
      return seen;
    }, words);
    outcome.push(took.outcome);
    reply.push(took.reply);
  }
  return { outcome, reply };
}

/** From the moment that the agent asks, by the relay's and this machine's one clock, to the frame that shows the card; ms. */
async function askRounds(s: Scene, client: Client, session: string, rounds: number): Promise<number[]> {
  const took: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const shown = client.page.evaluate(() => new Promise<number>((resolve) => {
      const look = () => {
        if (document.querySelector("[data-testid=ask-card][data-state=open]")) resolve(Date.now());
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    }));
    await s.world.send(session, `RUN echo bench ${round}`);
    const at = await shown;
    const opened = (await s.world.json("asks", session)).map((line) => (line.ask ?? line) as { opened_ms?: string | number; at_ms?: string | number });
    const when = Number(opened[0]?.opened_ms ?? opened[0]?.at_ms);
    if (when > 0) took.push(Math.max(0, at - when));
    await client.answer("[data-option-kind=reject_once]");
    await client.at("ask-card", { state: "open" }).waitFor({ state: "detached" });
    await until("the turn is over", async () => (await s.world.sessions()).find((x) => x.session_id === session)?.status === "idle");
  }
  return took;
}

export interface Stream {
  longestMs: number;
  count: number;
  /** From sending the prompt to its last words in the page: a little less than what streamed. */
  perSecond: number;
  /** So many of them became events of the log: pieces of a message are live only, its text is kept once. */
  durable: number;
}

/** The longest task of the page while the agent streams 200 updates a second: MIX is of all kinds, SLOW one message that grows. */
export async function streaming(s: Scene, client: Client, session: string, step: "MIX" | "SLOW", seconds: number): Promise<Stream> {
  await client.page.evaluate(() => {
    const page = window as unknown as { __tasks?: number[]; __watch?: PerformanceObserver };
    page.__watch?.disconnect();
    const tasks: number[] = (page.__tasks = []);
    page.__watch = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration)));
    page.__watch.observe({ type: "longtask" });
  });
  const count = seconds * 200;
  const before = await lengthOf(s.world, session);
  const begun = performance.now();
  await s.world.send(session, `${step} ${count} 5`);
  await client.said(`${step.toLowerCase()} ${count}/${count}`).waitFor({ timeout: 4 * seconds * 1000 + 60_000 });
  const took = performance.now() - begun;
  await until("the turn is over", async () => (await s.world.sessions()).find((x) => x.session_id === session)?.status === "idle");
  const tasks = await client.page.evaluate(() => (window as unknown as { __tasks: number[] }).__tasks);
  const durable = (await lengthOf(s.world, session)) - before;
  return { longestMs: Math.max(0, ...tasks), count, perSecond: count / (took / 1000), durable };
}

/** Turns until the log has so many events; how many it then has. */
export async function grow(s: Scene, session: string, events: number): Promise<number> {
  for (let turn = 0; ; turn++) {
    const steps = Array.from({ length: 250 }, (_, n) => (n % 50 === 49 ? `THINK turn ${turn}, thought ${n}` : `SAY turn ${turn}, line ${n}: some words of **ordinary** length, as agents say them`));
    await s.world.turn(session, ...steps);
    if (turn % 8 !== 7) continue;
    const count = await lengthOf(s.world, session);
    if (count >= events) return count;
  }
}

interface Long {
  open: number;
  jump: number;
  frame: number;
}

/** A long session is opened, scrolled up through, and left for its newest words; ms each. */
export async function long(s: Scene, session: string): Promise<Long> {
  await s.world.turn(session, "SAY the newest words of all");
  const client = await s.client({ shape: PHONE });
  await client.at("session-item", { session }).waitFor();
  const open = await client.page.evaluate(async (id) => {
    const begun = performance.now();
    location.hash = `#/s/${id}`;
    return new Promise<number>((resolve) => {
      const look = () => {
        if (document.querySelector("[data-testid=timeline]")?.textContent?.includes("the newest words of all")) resolve(performance.now() - begun);
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
  }, session);
  // Scrolled as a person would: when what was opened stands still.
  await until("the end is seen", () => client.page.getByRole("feed").evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop < 2));
  const frame = await client.page.evaluate(async () => {
    const scroller = document.querySelector("[data-testid=timeline] [role=feed]")!;
    let longest = 0;
    let last = performance.now();
    for (let step = 0; step < 300; step++) {
      scroller.scrollTop -= 400;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }
    return longest;
  });
  await client.at("jump-latest").waitFor();
  const jump = await client.page.evaluate(async () => {
    const begun = performance.now();
    document.querySelector<HTMLElement>("[data-testid=jump-latest]")!.click();
    return new Promise<number>((resolve) => {
      const look = () => {
        const words = [...document.querySelectorAll("[data-testid=timeline-item]")].find((e) => e.textContent?.includes("the newest words of all"));
        if (words && words.getBoundingClientRect().top < innerHeight) resolve(performance.now() - begun);
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
  });
  await client.close();
  return { open, jump, frame };
}

export async function measure(s: Scene, effort: Effort): Promise<Figures> {
  const host = await s.host();
  await s.world.turn(host.session, "SAY hello");
  const loaded = await firstLoad(s);
  const direct = await firstLoad(s, { session: host.session, words: "hello" });
  const opened: number[] = [];
  for (let i = 0; i < effort.interactive; i++) opened.push(await interactive(s, host.session));
  const client = await s.watching(host);
  const prompts = await promptRounds(client, effort.rounds);
  const asks = await askRounds(s, client, host.session, effort.rounds);
  const mixed = await streaming(s, client, host.session, "MIX", effort.streamSeconds);
  const growing = await streaming(s, client, host.session, "SLOW", effort.streamSeconds);
  await client.close();
  const large = await s.host();
  const count = await grow(s, large.session, effort.longEvents);
  const times = await long(s, large.session);
  return {
    firstLoadBytes: total(loaded), firstLoadGzipBytes: await inGzip(s, loaded),
    sessionLoadBytes: total(direct), sessionLoadGzipBytes: await inGzip(s, direct),
    interactiveMs: spread(opened).p50,
    prompt: spread(prompts.outcome), reply: spread(prompts.reply), ask: spread(asks), mixed, growing,
    longEvents: count, longOpenMs: times.open, longJumpMs: times.jump, longScrollMs: times.frame,
  };
}
