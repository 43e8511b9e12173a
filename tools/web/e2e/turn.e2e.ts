/** What a turn looks like while it goes on, and when it is over. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { PHONE } from "./browser.ts";
import { scene } from "./scene.ts";

scene("the list tells what runs, what waits for an answer, and what each is called", async (s) => {
  const first = await s.host({ flags: ["--name", "Fix the parser"] });
  const second = await s.host({ flags: ["--name", "Write the letter"] });
  const client = await s.client({ shape: PHONE });
  const item = (id: string) => client.at("session-item", { session: id });
  await item(first.session).getByText("Fix the parser").waitFor();
  await item(second.session).getByText("Write the letter").waitFor();
  await client.fits();
  await s.world.send(first.session, "ASK Which one?|this|that");
  await item(first.session).getByText(/needs an answer|waits for/i).first().waitFor();
  expect(await item(second.session).innerText()).not.toMatch(/needs an answer/i);
  const [ask] = await s.world.json("asks", first.session);
  await s.world.cli("answer", first.session, (ask!.ask as { ask_id: string }).ask_id, "--json", '{"answer":"this"}');
  await item(first.session).getByText(/idle|ready/i).first().waitFor();
  await item(first.session).getByRole("link").first().click();
  await client.said("You answered: this").waitFor();
  await client.page.goBack();
  await client.at("session-list").waitFor();
  const third = await s.host({ flags: ["--name", "A third one"] });
  await item(third.session).getByText("A third one").waitFor();
});

scene("text streams in as it is said, with thoughts, a plan and what was used", async (s) => {
  const host = await s.host();
  const client = await s.watching(host);
  await s.world.send(host.session, "THINK I had better count.", "SLOW 40 250", "PLAN Look|Write|Leave");
  const timeline = client.at("timeline");
  await client.said("slow 3/40").waitFor();
  expect(await client.said("slow 40/40").count()).toBe(0); // it came while it was being said
  await timeline.getByText(/had better count|Thought|Thinking/).first().waitFor();
  await client.said("slow 40/40").waitFor();
  await client.at("plan").getByText("Look").first().waitFor();
  await client.at("plan").getByText("Leave").first().waitFor();
  await client.at("usage").first().waitFor();
  await s.world.turn(host.session, "SAY **bold words** and `code`, [a page](https://example.org/page)");
  await timeline.locator("strong", { hasText: "bold words" }).waitFor();
  await timeline.locator("code", { hasText: "code" }).first().waitFor();
  const link = timeline.getByRole("link", { name: /a page/ });
  expect(await link.getAttribute("rel")).toContain("noopener");
  expect(await link.getAttribute("href")).toBe("https://example.org/page");
});

scene("tools show their state, output and diffs; long output folds; colours are kept", async (s) => {
  writeFileSync(join(s.world.work, "note.txt"), "one line\nsecond line\n");
  const host = await s.host();
  const client = await s.watching(host, { shape: PHONE });
  await s.world.send(host.session, "RUN seq 1 400; printf '\\033[31mred words\\033[0m\\n'");
  const ask = client.at("ask-card", { state: "open" });
  await ask.waitFor();
  await ask.getByText("seq 1 400").first().waitFor();
  await client.answer("[data-option-kind=allow_once]");
  const tool = client.at("tool", { status: "completed" });
  await tool.first().waitFor();
  await client.page.getByText("red words").first().waitFor({ state: "attached" });
  expect(await client.page.locator("body").innerText()).not.toContain("\x1b[31m");
  await client.fits();
  await s.world.send(host.session, "EDIT note.txt second=>another");
  await client.at("ask-card", { state: "open" }).waitFor();
  await client.at("diff").first().waitFor();
  await client.fits();
  await client.answer("[data-option-kind=reject_once]");
  await client.at("tool", { status: "failed" }).or(client.at("tool", { status: "rejected" })).or(client.at("tool", { status: "denied" })).first().waitFor();
  await s.world.turn(host.session, "PRINT 3 what it printed");
  await client.page.getByText("what it printed").first().waitFor({ state: "attached" });
});

scene("a session that has ended says what came of it", async (s) => {
  const host = await s.host();
  const client = await s.watching(host);
  await s.world.turn(host.session, "SAY the last words");
  await client.said("the last words").waitFor();
  await host.end();
  await client.at("summary").first().waitFor();
  await client.fits();
});
