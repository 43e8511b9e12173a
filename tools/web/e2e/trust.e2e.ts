/** What an agent, a tool or another person wrote is text, whatever it looks like; and who may only watch only watches. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { PHONE, type Client } from "./browser.ts";
import { scene } from "./scene.ts";
import { until } from "./processes.ts";

const script = (n: number) => `<script>window.__pwned=${n}</script><img src=x onerror="window.__pwned=${n}"><svg/onload=window.__pwned=${n}>`;
const update = (body: object) => `UPDATE ${JSON.stringify(body)}`;

async function harmless(client: Client): Promise<void> {
  const found = await client.page.evaluate(() => ({
    pwned: (window as unknown as { __pwned?: number }).__pwned,
    foreign: [...document.querySelectorAll("#app script, #app iframe, #app object, #app embed, #app form[action], #app base, #app meta, #app style, #app link")].length,
    handlers: [...document.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))).length,
    sources: [...document.querySelectorAll("img, video, audio, source")].map((e) => e.getAttribute("src") ?? "").filter((src) => /^(https?:)?\/\//.test(src)),
    links: [...document.querySelectorAll("a[href]")].map((e) => e.getAttribute("href")!).filter((href) => !/^(https?:|mailto:|#|\.?\/|[\w-]+\.html)/.test(href) && href !== "./"),
  }));
  expect(found).toEqual({ pwned: undefined, foreign: 0, handlers: 0, sources: [], links: [] });
  await client.fits();
}

scene("markup in all that an agent can say is shown as text, and nothing leaves", async (s) => {
  const host = await s.host({ flags: ["--name", `title ${script(1)}`] });
  const client = await s.client({ shape: PHONE });
  await client.at("session-item").getByText("title").first().waitFor();
  await harmless(client);
  await client.openSession(host.session);
  const said = [
    `[click](javascript:window.__pwned=2) [data](data:text/html,${script(3)}) [vb](vbscript:x) [ok](https://example.org/)`,
    `![pixel](https://tracker.example/pixel.png) ![rel](//tracker.example/p.png) <img src="https://tracker.example/q.png">`,
    `<a href="javascript:window.__pwned=4">html</a> <details open ontoggle="window.__pwned=5">x</details> ${script(6)}`,
    `<style>body{display:none}</style><form action="https://tracker.example"><input name=a><button>go</button></form>`,
    "[ref]: javascript:window.__pwned=7", "[click][ref]", "<javascript:window.__pwned=8>", "`<b>`<math><mtext></form><form><mglyph><style></math><img src onerror=window.__pwned=9>",
    "end of the words",
  ];
  await s.world.turn(host.session, `SAY ${said.join("\\n\\n")}`, `THINK ${script(10)}`, `PLAN ${script(11)}|two ![x](https://tracker.example/plan.png)`,
    update({ sessionUpdate: "tool_call", toolCallId: "evil", title: `run ${script(12)}`, kind: "execute", status: "in_progress", locations: [{ path: `/etc/${script(13)}` }],
      rawInput: { command: script(14) } }),
    update({ sessionUpdate: "tool_call_update", toolCallId: "evil", status: "completed", content: [
      { type: "content", content: { type: "text", text: `${script(15)} \u001b]8;;javascript:window.__pwned=16\u0007link\u001b]8;;\u0007 \u001b[31m${script(17)}` } },
      { type: "diff", path: script(18), oldText: script(19), newText: `${script(20)}\n${"wide ".repeat(4000)}` }] }),
    `TITLE ${script(21)}`,
    update({ sessionUpdate: "available_commands_update", availableCommands: [{ name: "evil", description: script(22) }] }));
  // On a slow machine all of it is there before the page draws any of it, and what was said first lies far above the end.
  await client.readBackTo(client.said("end of the words"));
  for (const tool of await client.at("tool").all()) await tool.locator("button, summary").first().click().catch(() => {});
  for (const link of await client.at("timeline").getByText(/^(click|data|vb|html)$/).all()) if ((await link.evaluate((e) => e.tagName)) === "A") await link.click();
  await harmless(client);
  await s.world.send(host.session, `ASK ${script(23)}?|${script(24)}|plain`);
  await client.at("ask-card", { state: "open" }).waitFor();
  await harmless(client);
  await client.answer('text="plain"');
  await s.world.send(host.session, `OPEN javascript:window.__pwned=25`);
  await until("it is asked, or refused", async () => (await client.at("ask-card", { state: "open" }).count()) > 0
    || (await s.world.sessions()).find((x) => x.session_id === host.session)?.status === "idle");
  await harmless(client);
});

scene("giant lines, control characters and letters that turn the text around stay where they are", async (s) => {
  const folder = join(s.world.work, "a".repeat(200));
  mkdirSync(folder);
  writeFileSync(join(folder, "x.txt"), "");
  const host = await s.host();
  const client = await s.watching(host, { shape: PHONE });
  await s.world.turn(host.session, `SAY ${"x".repeat(60_000)}`, "SAY \u202eevil\u202c \u2066isolated\u2069 \u0007\u0001\u001b[2J\u001b]0;title\u0007 after the controls",
    `TITLE ${"VeryLongWordWithoutAnyBreak".repeat(8)}`, "BIG 700", "SAY this comes after it");
  await client.said("this comes after it").waitFor();
  await client.fits();
  const title = await client.page.locator("h1").first().innerText();
  expect(title.length).toBeGreaterThan(0);
  await s.world.send(host.session, `RUN printf '%s' ${"y".repeat(9000)}`);
  await client.at("ask-card", { state: "open" }).waitFor();
  await client.fits();
  await client.answer("[data-option-kind=allow_once]");
  await client.at("ask-card", { state: "open" }).waitFor({ state: "detached" });
  await s.world.turn(host.session, "SAY מה שלום العربية right to left \u202e rtl", "SAY done with letters");
  await client.said("done with letters").waitFor();
  await client.fits();
});

scene("who may only watch is told so, and cannot answer, write or cancel", async (s) => {
  const host = await s.host({ mode: "view", terminal: [100, 30] });
  const client = await s.watching(host, { shape: PHONE });
  await client.page.getByText(/view only|only watch/i).first().waitFor();
  host.type("RUN echo hello\r");
  await client.at("ask-card").first().waitFor();
  for (const option of await client.at("ask-option").all()) {
    expect((await option.getAttribute("aria-disabled")) === "true" || (await option.isDisabled())).toBe(true);
    await option.click({ force: true });
  }
  const input = client.at("prompt-input");
  expect((await input.count()) === 0 || (await input.isDisabled()) || (await input.getAttribute("readonly")) !== null).toBe(true);
  await client.fits();
  expect((await s.world.json("asks", host.session)).length).toBe(1); // still open
  host.type("y\r");
  await client.at("ask-card", { state: "open" }).waitFor({ state: "detached" });
});
