/** How quick the page is: tools/dev bench web. Writes build/bench/web.json and docs/results/web.md. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { measure, type Figures, type Stream } from "./measure.ts";
import { scene } from "./scene.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
const loaded = (bytes: number, gzip: number) => `${kib(bytes)}; in gzip ${kib(gzip)}`;
const streamed = (stream: Stream) => `${stream.count} updates stream in at ${stream.perSecond.toFixed(0)}/s`;
// A browser tells of tasks from 50 ms on.
const task = (stream: Stream) => (stream.longestMs === 0 ? "none of 50 ms or more" : ms(stream.longestMs));

function table(figures: Figures): string {
  const rows: [string, string, string][] = [
    ["first load of the list, compressed", loaded(figures.firstLoadBytes, figures.firstLoadGzipBytes), "at most 250 KiB"],
    ["first load of a session that a link leads to, compressed", loaded(figures.sessionLoadBytes, figures.sessionLoadGzipBytes), "at most 250 KiB"],
    ["from opening to interactive, signed in, on loopback (median of 10)", ms(figures.interactiveMs), "under 1 s"],
    [`prompt in the page to its outcome in the page (${figures.prompt.count} rounds)`, `p50 ${ms(figures.prompt.p50)}, p99 ${ms(figures.prompt.p99)}`, ""],
    ["the same to the first words of the agent's answer", `p50 ${ms(figures.reply.p50)}, p99 ${ms(figures.reply.p99)}`, ""],
    [`an agent's ask to its card in the page (${figures.ask.count} rounds)`, `p50 ${ms(figures.ask.p50)}, p99 ${ms(figures.ask.p99)}`, ""],
    [`longest task while ${streamed(figures.mixed)}: thoughts, tool calls, diffs, a plan and words`, task(figures.mixed), "under 100 ms"],
    [`longest task while ${streamed(figures.growing)}: one message that grows`, task(figures.growing), "under 100 ms"],
    [`open a session of ${figures.longEvents} events, until its newest words stand there`, ms(figures.longOpenMs), ""],
    ["there: a jump to the newest from the past", ms(figures.longJumpMs), ""],
    ["there: the longest frame while it is scrolled", ms(figures.longScrollMs), ""],
  ];
  return rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

scene("bench", async (s) => {
  const before = loadavg()[0]!;
  const figures = await measure(s, { rounds: 100, interactive: 10, streamSeconds: 15, longEvents: 50_000 });
  const chromium = execFileSync("dpkg-query", ["-W", "-f=${Version}", "chromium"], { encoding: "utf8" });
  const machine = `${cpus()[0]!.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; Chromium ${chromium}, Node ${process.version}`;
  mkdirSync(`${root}/build/bench`, { recursive: true });
  writeFileSync(`${root}/build/bench/web.json`, `${JSON.stringify({ machine, when: new Date().toISOString(), loadBefore: before, loadAfter: loadavg()[0]!, ...figures }, null, 2)}\n`);
  writeFileSync(`${root}/docs/results/web.md`, `# How quick the page is
Made by \`tools/dev bench web\` on ${new Date().toISOString().slice(0, 10)}: ${machine}. Relay, host and demo agent (built for release), and the browser are on
this one machine; times are taken in the page, from the event that a person makes to the frame that shows the result. That of an ask
begins when it is opened at its host. The browser has no graphics card, the screen is that of a phone (360x740, two pixels a point)
but for the rounds and the stream (1280x800); nothing is cached before a first load, and the relay compresses.

Others on the machine when it began: a load of ${before.toFixed(1)} on ${cpus().length} cores (one minute's mean).

| what | figure | goal |
|---|---|---|
${table(figures)}
`);
  console.log(table(figures));
});
