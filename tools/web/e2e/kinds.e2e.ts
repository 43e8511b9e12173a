/** Asks that no agent at hand puts: a host made with the library puts them, word by word. */
import { expect } from "vitest";
import { PHONE, type Client } from "./browser.ts";
import { AskOptionKind, AskSchema, create, toBinary } from "@libremote/link/messages";
import { hexOf, YES_NO, type Action, type Player } from "./player.ts";
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

scene("a long change says how many of its lines are not shown, until all were", async (s) => {
  const { player, phone } = await phoned(s);
  const text = Array.from({ length: 60 }, (_, at) => `line ${at + 1}`).join("\n");
  await player.ask({ options: YES_NO, permission: { kind: "WRITE", diffs: [{ path: hexOf(`${CWD}/notes.txt`), new_text: `${text}\n`, new_file: true }] } });
  await open(phone).waitFor();
  const told = /^(\d+) more lines: show all$/.exec((await phone.at("diff-more").innerText()).trim());
  expect(await phone.at("ask-unseen").innerText()).toContain(`${told?.[1]} lines of the change of notes.txt not shown`);
  for (const what of [".ask-where code", "[data-testid=ask-unseen]", "[data-option=once]"]) await seen(phone, what);
  await phone.fits();
  await phone.at("diff-more").click();
  await phone.at("ask-unseen").waitFor({ state: "detached" });
  await open(phone).getByText("line 60").scrollIntoViewIfNeeded();
  await seen(phone, "[data-option=no]");
  await phone.answer("[data-option=no]");
});

scene("how a question ended is told where its card was, and gives way to the next one", async (s) => {
  const { player, phone } = await phoned(s);
  const first = await player.ask({ options: YES_NO, permission: { kind: "COMMAND", command: "make first" } });
  await open(phone).waitFor();
  const line = phone.page.locator(".ask-ended");
  const told = line.filter({ hasText: "make first" }).waitFor(); // it stays for a short while only
  await player.do({ answer: { ask: first, option: "once" } });
  await told;
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

const given = async (player: Player, ask: string): Promise<NonNullable<NonNullable<Action["resolution"]>["answer"]>> =>
  (await until("the agent is given the answer", () => player.actions.find((a) => a.action === "ANSWER" && a.ask === ask))).resolution!.answer!;

scene("several of the choices, with words and without", async (s) => {
  const { player, phone } = await phoned(s);
  const options = [{ option_id: "a", label: "The parser" }, { option_id: "b", label: "Dark colours" }, { option_id: "c", label: "The importer" }];
  const press = async (id: string) => {
    // pressed once it counts, and never twice: the second time would take it back
    const choice = open(phone).locator(`[data-option=${id}]`);
    await choice.scrollIntoViewIfNeeded();
    await until(`${id} is chosen`, () => choice.evaluate((button) => {
      if (button.ariaPressed === "false" && button.ariaDisabled !== "true") (button as HTMLElement).click();
      return button.ariaPressed === "true";
    }));
  };
  const first = await player.ask({ options, question: { text: "Which go in?", multiple: true } });
  await open(phone).getByText("Which go in?").first().waitFor();
  expect(await phone.at("ask-send").getAttribute("aria-disabled")).toBe("true"); // nothing is chosen
  await press("c");
  await press("a");
  await open(phone).getByText("Answer with 2 chosen").waitFor();
  await phone.fits();
  await phone.answer("[data-testid=ask-send]");
  expect(await given(player, first)).toMatchObject({ option_id: "a", more_option_ids: ["c"] });
  await phone.at("timeline").getByText("The parser, The importer").first().waitFor();
  const second = await player.ask({ options, question: { text: "And now?", multiple: true, free_text: true } });
  await open(phone).getByText("And now?").first().waitFor();
  await phone.at("ask-text").fill("none of these");
  await phone.answer("[data-testid=ask-send]");
  expect(await given(player, second)).toEqual({ text: "none of these" });
});

scene("a limit: by what it offers, or by another limit in words", async (s) => {
  const { player, phone } = await phoned(s);
  const options = [{ option_id: "more", label: "Another 5 USD", kind: "ALLOW_ONCE" }, { option_id: "stop", label: "Stop here", kind: "REJECT_ONCE" }];
  const limit = { text: "5 USD are used up. Go on?", free_text: true };
  const first = await player.ask({ options, limit });
  await open(phone).getByText("5 USD are used up").first().waitFor();
  await seen(phone, "[data-option=stop]");
  await phone.at("ask-text").fill("2 USD more");
  await phone.answer("[data-testid=ask-send]");
  expect(await given(player, first)).toEqual({ text: "2 USD more" });
  const second = await player.ask({ options, limit });
  await phone.at("ask-card", { ask: second, state: "open" }).waitFor();
  await phone.answer("[data-option=stop]");
  expect(await given(player, second)).toEqual({ option_id: "stop" });
});

scene("a kind of question that this page does not know is answered by the agent's own options", async (s) => {
  const { player, phone } = await phoned(s);
  const known = toBinary(AskSchema, create(AskSchema, { why: "It is of a later version.", options: [
    { optionId: "yes", label: "Go ahead", kind: AskOptionKind.ALLOW_ONCE }, { optionId: "no", label: "Do not", kind: AskOptionKind.REJECT_ONCE },
    { optionId: "odd", label: "Odd one", kind: 99 as AskOptionKind }] }));
  const kind = Buffer.from([(30 << 3 | 2) & 0x7f | 0x80, 30 << 3 >> 7, 3, 0x0a, 1, 0x78]); // field 30: nobody knows it yet
  const { ask } = await player.do({ ask_hex: Buffer.concat([known, kind]).toString("hex") }) as { ask: string };
  await phone.at("ask-card", { ask, kind: "unknown", state: "open" }).waitFor();
  await open(phone).getByText("It is of a later version.").first().waitFor();
  expect(await open(phone).locator("[data-testid=ask-option]").count()).toBe(3);
  await phone.fits();
  await phone.answer("[data-option=no]");
  expect(await given(player, ask)).toEqual({ option_id: "no" });
});

scene("a question that offers nothing says so, and is not answered by accident", async (s) => {
  const { player, phone } = await phoned(s);
  const ask = await player.ask({ permission: { kind: "COMMAND", command: "make" } });
  await open(phone).getByText(/cannot be answered/).waitFor();
  const told = phone.page.locator(".ask-ended").getByText(/taken back by the agent.*a mistake/i).waitFor();
  await player.endAsk(ask, "WITHDRAWN", "it was a mistake");
  await told;
});

scene("more options than a screen holds: all are there, counted, and the last one answers", async (s) => {
  const { player, phone } = await phoned(s);
  const options = Array.from({ length: 24 }, (_, at) => ({ option_id: `o${at}`, label: `Way ${at + 1} of doing it, told at some length` }));
  const ask = await player.ask({ options, question: { text: "Which way?" } });
  await open(phone).getByText("Choose one of 24:").waitFor();
  expect(await open(phone).locator("[data-testid=ask-option]").count()).toBe(24);
  await phone.fits();
  await phone.answer("[data-option=o23]");
  expect(await given(player, ask)).toEqual({ option_id: "o23" });
});

for (const [onExpiry, promise, end] of [["CANCEL", "then the agent is told that nobody answered", {}],
  ["REJECT", "then the agent is told no", { option_id: "no" }]] as const) {
  scene(`a question with an end, ${onExpiry}: it says when and what then, and ends by itself`, async (s) => {
    const { player, phone } = await phoned(s);
    const ask = await player.ask({ options: YES_NO, expires_ms: Date.now() + 3000, on_expiry: onExpiry, permission: { kind: "COMMAND", command: "make" } });
    await phone.at("timeline-item", { kind: "ask" }).getByText("expired: nobody answered in time").waitFor();
    expect(await open(phone).count()).toBe(0);
    const told = await until("the agent is told", () => player.actions.find((a) => a.action === "ANSWER" && a.ask === ask));
    expect(told.resolution!.outcome).toBe("EXPIRED");
    expect(told.resolution!.answer ?? {}).toEqual(end);
    await player.ask({ options: YES_NO, expires_ms: Date.now() + 3_600_000, on_expiry: onExpiry, permission: { kind: "COMMAND", command: "make" } });
    await open(phone).getByText(promise).waitFor();
  });
}

scene("a question that goes while the finger is on it is not answered, nor is the one that comes in its place", async (s) => {
  const { player, phone } = await phoned(s);
  const first = await player.ask({ options: YES_NO, permission: { kind: "COMMAND", command: "make first" } });
  const button = open(phone).locator("[data-option=once]");
  await until("it counts", async () => (await button.count()) > 0 && (await button.getAttribute("aria-disabled")) === null);
  const box = (await button.boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await phone.page.mouse.move(x, y);
  await phone.page.mouse.down();
  await player.endAsk(first, "WITHDRAWN");
  const second = await player.ask({ options: YES_NO, permission: { kind: "COMMAND", command: "make second" } });
  await phone.at("ask-card", { ask: second, state: "open" }).waitFor();
  await phone.page.mouse.up();
  // what was pressed would be known by then: a prompt behind it has come through
  await phone.at("prompt-input").fill("are you there?");
  await phone.at("prompt-send").click();
  await player.action("PROMPT");
  expect(player.actions.filter((a) => a.action === "ANSWER")).toEqual([]);
  expect(await phone.at("ask-card", { ask: second, state: "open" }).count()).toBe(1);
});
