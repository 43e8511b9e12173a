/** Asks that no agent at hand puts: a host made with the library puts them, word by word. */
import { expect } from "vitest";
import { PHONE, type Client } from "./browser.ts";
import { hexOf, YES_NO, type Player } from "./player.ts";
import { until } from "./processes.ts";
import { scene, type Scene } from "./scene.ts";

const CWD = "/home/ada/projects/areas";
const open = (client: Client) => client.at("ask-card", { state: "open" });

async function phoned(s: Scene): Promise<{ player: Player; phone: Client }> {
  const player = await s.player({ cwd: hexOf(CWD), can_steer: true });
  return { player, phone: await s.watching(player, { shape: PHONE }) };
}

/** All of it is on the screen, and nothing else stands there. */
async function seen(client: Client, what: string): Promise<void> {
  await until(`${what} is seen`, () => client.page.evaluate((selector) => {
    const element = document.querySelector(selector);
    const box = element?.getBoundingClientRect();
    if (!element || !box || box.height === 0 || box.top < 0 || box.bottom > innerHeight) return false;
    const at = document.elementFromPoint(box.left + Math.min(box.width / 2, 40), box.top + box.height / 2);
    return at !== null && element.contains(at);
  }, what));
}

scene("a long command: where, how dangerous, its beginning, its end and the buttons are on a phone's screen at once", async (s) => {
  const { player, phone } = await phoned(s);
  const command = [...Array.from({ length: 40 }, (_, at) => `kubectl apply -f manifests/${at + 1}.yaml`), "rm -rf ~/.ssh"].join("\n");
  const ask = await player.ask({ options: YES_NO, why: "The branch is to be deployed.", permission: { kind: "COMMAND", command,
    place: "OUTSIDE_WORKSPACE", risk: "changes the production cluster" } });
  await open(phone).waitFor();
  for (const what of [".ask-where .outside", ".ask-where .risk", ".ask-where code", ".exact-start", ".exact-end",
    "[data-testid=ask-unseen]", "[data-option=once]", "[data-option=no]"]) await seen(phone, what);
  expect(await phone.page.locator(".exact-end").innerText()).toContain("rm -rf ~/.ssh");
  const told = /^(\d+) more lines: show all$/.exec((await phone.at("exact-more").innerText()).trim());
  expect(told).not.toBeNull();
  expect(await phone.at("ask-unseen").innerText()).toContain(`${told![1]} lines of the command not shown`);
  await phone.fits();
  await phone.at("exact-more").click();
  await phone.at("ask-unseen").waitFor({ state: "detached" });
  const last = phone.page.locator(".exact-start .exact-line").last();
  await last.scrollIntoViewIfNeeded();
  expect(await last.innerText()).toBe("rm -rf ~/.ssh");
  await seen(phone, "[data-option=once]"); // wherever the card is scrolled to
  await phone.answer("[data-option=no]");
  expect((await player.action("ANSWER")).ask).toBe(ask);
});

scene("one line of nine thousand characters shows its end, above a keyboard too", async (s) => {
  const player = await s.player({ cwd: hexOf(CWD) });
  const phone = await s.watching(player, { shape: { ...PHONE, viewport: { width: 360, height: 400 } } });
  const command = `env ${Array.from({ length: 450 }, (_, at) => `VARIABLE_${at}=value${at}`).join(" ")} sh -c 'rm -rf /'`;
  await player.ask({ options: YES_NO, permission: { kind: "COMMAND", command } });
  await open(phone).waitFor();
  await seen(phone, ".ask-where code");
  await seen(phone, "[data-option=once]");
  await seen(phone, "[data-testid=ask-unseen]");
  const end = phone.page.locator(".exact-end");
  await end.scrollIntoViewIfNeeded();
  // its last row is the last that is drawn
  expect(await end.evaluate((element) => {
    const span = element.firstElementChild!.getBoundingClientRect();
    return Math.abs(span.bottom - element.getBoundingClientRect().bottom) < 12;
  })).toBe(true);
  await open(phone).getByRole("button", { name: /comment/i }).click();
  await seen(phone, "[data-testid=ask-comment]");
  await phone.at("ask-comment").fill("not so");
  await seen(phone, "[data-option=no]");
  await phone.fits();
  await phone.answer("[data-option=no]");
  expect((await player.action("ANSWER")).resolution!.answer!.comment).toBe("not so");
});

scene("how a question ended is told where its card was, and gives way to the next one", async (s) => {
  const { player, phone } = await phoned(s);
  const first = await player.ask({ options: YES_NO, permission: { kind: "COMMAND", command: "make first" } });
  await open(phone).waitFor();
  await player.do({ answer: { ask: first, option: "once" } });
  const line = phone.page.locator(".ask-ended");
  await line.filter({ hasText: "make first" }).waitFor();
  await player.ask({ options: YES_NO, permission: { kind: "COMMAND", command: "make second" } });
  await open(phone).getByText("make second").first().waitFor();
  expect(await line.count()).toBe(0);
  await phone.at("timeline-item", { kind: "ask" }).filter({ hasText: "make first" }).getByText(/answered/i).first().waitFor();
});

scene("what was written on a card is there again after another one was looked at", async (s) => {
  const { player, phone } = await phoned(s);
  await player.ask({ options: YES_NO, permission: { kind: "COMMAND", command: "make first" } });
  const second = await player.ask({ options: YES_NO, permission: { kind: "COMMAND", command: "make second" } });
  await phone.at("ask-card", { ask: second }).waitFor();
  await phone.page.getByRole("button", { name: /comment/i }).click();
  await phone.at("ask-comment").fill("only this one");
  await phone.at("ask-card", { ask: second }).getByRole("button").first().click();
  await phone.at("ask-card", { ask: second }).locator("[data-option=once]").waitFor();
  expect(await phone.at("ask-comment").count()).toBe(0);
  await player.endAsk(second, "WITHDRAWN");
  await phone.at("ask-comment").waitFor();
  expect(await phone.at("ask-comment").inputValue()).toBe("only this one");
  await phone.answer("[data-option=once]");
  expect((await player.action("ANSWER")).resolution!.answer!.comment).toBe("only this one");
});
