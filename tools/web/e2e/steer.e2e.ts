/** What a person sends: prompts now and later, into the running turn, with files; and what becomes of each. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { PHONE, type Client } from "./browser.ts";
import { hexOf } from "./player.ts";
import { until } from "./processes.ts";
import { scene, type Scene } from "./scene.ts";
import type { Host } from "./world.ts";

async function write(client: Client, text: string): Promise<void> {
  await client.at("prompt-input").fill(text);
  await client.at("prompt-send").click();
}

const idle = (s: Scene, host: Host) =>
  until("the turn is over", async () => (await s.world.sessions()).find((x) => x.session_id === host.session)?.status === "idle");

scene("a prompt goes, and its state is told until its outcome is known", async (s) => {
  const host = await s.host();
  const proxy = await s.world.proxy();
  const client = await s.watching(host, { proxy, shape: PHONE });
  client.allowCuts();
  await write(client, "SAY it came through");
  await client.said("it came through").waitFor();
  expect(await client.at("prompt-input").inputValue()).toBe("");
  // Nothing gets to the relay: the page says no more than that.
  proxy.refuse(true);
  proxy.cut();
  await client.at("presence", { state: "lost" }).waitFor();
  await write(client, "SAY it waited for the network");
  const waiting = client.at("command").filter({ hasText: "waited for the network" });
  await waiting.waitFor();
  expect(await waiting.getAttribute("data-state")).toBe("composed");
  proxy.refuse(false);
  await client.tryNow();
  await client.said("it waited for the network").waitFor();
  await idle(s, host);
  // The host stands still: stored at the relay, and not more.
  host.signal("SIGSTOP");
  await write(client, "SAY it waited for the host");
  await client.at("command", { state: "stored" }).filter({ hasText: "waited for the host" }).waitFor();
  host.signal("SIGCONT");
  await client.said("it waited for the host").waitFor();
  await idle(s, host);
});

scene("during a turn: the queue, steering, taking back, cancelling", async (s) => {
  const host = await s.host();
  const client = await s.watching(host, { shape: PHONE });
  await write(client, "SLOW 2000 100");
  await client.said(/slow 3\/2000/).waitFor();
  await write(client, "SAY the first in the queue");
  await write(client, "SAY the second in the queue");
  await client.page.getByText("the second in the queue").first().waitFor();
  const taken = client.at("command").filter({ hasText: "the second in the queue" });
  await taken.first().getByTestId("command-withdraw").click();
  await until("it is gone from the queue", async () =>
    (await client.at("command").filter({ hasText: "the second in the queue" }).filter({ has: client.at("command-withdraw") }).count()) === 0);
  await client.at("cancel-turn").click();
  await client.said("the first in the queue").waitFor();
  await idle(s, host);
  const events = JSON.stringify((await s.world.events(host.session)).filter((e) => "assistant_message" in e));
  expect(events).toContain("the first in the queue");
  expect(events).not.toContain("the second in the queue");
});

scene("files go along with a prompt; what is too large is said before it is sent", async (s) => {
  const host = await s.host();
  const client = await s.watching(host, { shape: PHONE });
  writeFileSync(join(s.world.folder, "notes.txt"), "a few notes\n".repeat(3000));
  writeFileSync(join(s.world.folder, "huge.bin"), Buffer.alloc(11 * 1024 * 1024));
  const choose = (...names: string[]) => client.at("attach-file").setInputFiles(names.map((name) => join(s.world.folder, name)));
  await choose("notes.txt");
  await client.at("attachment").filter({ hasText: "notes.txt" }).waitFor();
  await choose("huge.bin");
  await client.page.getByText(/10 MiB|too large/i).first().waitFor();
  await client.fits();
  await client.at("attachment").filter({ hasText: "huge.bin" }).getByRole("button").last().click();
  await client.at("attachment").filter({ hasText: "huge.bin" }).waitFor({ state: "detached" });
  await write(client, "FILES");
  await client.said(/text\/plain|notes\.txt/).waitFor();
  await idle(s, host);
  const bytes = readFileSync(join(s.world.folder, "notes.txt")).length;
  expect(JSON.stringify(await s.world.events(host.session))).toContain(String(bytes));
});

scene("a file that is let go anywhere on the page goes along, and the page stays", async (s) => {
  const host = await s.host();
  const client = await s.watching(host);
  const file = await client.page.evaluateHandle(() => {
    const held = new DataTransfer();
    held.items.add(new File(["hello"], "dropped.txt", { type: "text/plain" }));
    return held;
  });
  for (const [where, name] of [["timeline", "dragover"], ["timeline", "drop"], ["presence", "drop"]] as const) {
    const left = await client.at(where).first().evaluate((element, [type, dataTransfer]) =>
      element.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer })), [name, file] as const);
    expect(left).toBe(false); // else the browser opens the file in place of the page
  }
  await client.at("attachment").filter({ hasText: "dropped.txt" }).nth(1).waitFor();
});

scene("modes and options are seen and changed, here and elsewhere", async (s) => {
  const host = await s.host();
  const phone = await s.watching(host, { shape: PHONE });
  const desk = await s.watching(host);
  await phone.at("mode-button").click();
  await phone.at("mode-option").filter({ hasText: /plan/i }).first().click();
  await desk.at("mode-button").filter({ hasText: /plan/i }).waitFor();
  await s.world.turn(host.session, "MODE default");
  await phone.at("mode-button").filter({ hasText: /default/i }).waitFor();
  await phone.fits();
});

scene("slash commands of the agent are offered; those that may not be run from afar say so", async (s) => {
  const host = await s.host();
  const client = await s.watching(host);
  await client.at("prompt-input").pressSequentially("/com");
  const option = client.at("slash-option").filter({ hasText: "compact" });
  await option.getByText("not allowed from here").waitFor();
  await client.at("prompt-input").press("Escape");
  await client.at("prompt-input").fill("/nonsense");
  await client.at("slash-option").first().waitFor({ state: "detached" });
});

scene("text is steered into a running turn; when the turn is over there is nothing to steer", async (s) => {
  const player = await s.player({ can_steer: true, cwd: hexOf("/home/ada") });
  const client = await s.watching(player, { shape: PHONE });
  expect(await client.at("prompt-steer").count()).toBe(0);
  await write(client, "begin");
  await player.action("PROMPT");
  await client.at("prompt-steer").waitFor();
  await client.fits();
  await player.do({ auto: false });
  await client.at("prompt-input").fill("but leave the tests alone");
  await client.at("prompt-steer").click();
  const steer = await player.action("STEER");
  expect(steer.text).toBe("but leave the tests alone");
  const row = client.at("command").filter({ hasText: "but leave the tests alone" });
  await row.and(client.at("command", { state: "delivered" })).waitFor(); // the agent has not said yet that it has it
  await player.do({ finish: { command: steer.command! } });
  await client.at("timeline").getByText("steered into the turn").first().waitFor();
  // refused by the agent: said, with its reason
  await client.at("prompt-input").fill("and be quick");
  await client.at("prompt-steer").click();
  const second = await until("the second is there", () => player.actions.filter((a) => a.action === "STEER")[1]);
  await player.do({ finish: { command: second.command!, code: 5004, reason: "too late for that" } });
  await client.at("command", { outcome: "rejected" }).getByText(/too late for that/).waitFor();
  await player.endTurn();
  await client.at("prompt-steer").waitFor({ state: "detached" });
});

scene("options of every make: a switch, one of several, one that asks less, one without choices", async (s) => {
  const player = await s.player({ can_steer: true });
  const client = await s.watching(player, { shape: PHONE });
  const values = [{ value: "small", name: "Small" }, { value: "large", name: "Large", description: "Slow and thorough" }];
  await player.emit({ config_options_changed: { options: [
    { option_id: "web", name: "Search the web", description: "Pages are fetched", boolean: true, current_value: "false" },
    { option_id: "trust", name: "Trust this folder", boolean: true, current_value: "false", values: [{ value: "true", elevating: true }, { value: "false" }] },
    { option_id: "model", name: "Model", current_value: "small", values },
    { option_id: "turns", name: "Turns at most", current_value: "40" }] } });
  await client.at("mode-button").click();
  const option = (id: string) => client.at("config-option", { option: id });
  await option("turns").getByText("40").waitFor();
  await client.fits();
  await option("web").getByRole("switch").click();
  expect(await player.action("SET_OPTION")).toMatchObject({ text: "web", value: "true" });
  await client.at("config-option", { option: "web", value: "true" }).waitFor();
  expect(await option("trust").getByRole("switch").isDisabled()).toBe(true);
  await option("trust").getByText(/only at the host/).waitFor();
  await player.do({ auto: false });
  await option("model").selectOption("large");
  const chosen = await until("the model is chosen", () => player.actions.filter((a) => a.action === "SET_OPTION")[1]);
  expect(chosen).toMatchObject({ text: "model", value: "large" });
  expect(await option("model").inputValue()).toBe("small"); // until the agent says so
  await player.do({ finish: { command: chosen.command!, code: 5004, reason: "no such model today" } });
  await client.page.getByText(/no such model today/).first().waitFor();
  expect(await option("model").inputValue()).toBe("small");
});
