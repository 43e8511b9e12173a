/** Answers that come late, twice, or without a network: the card says what became of each. */
import { expect } from "vitest";
import { PHONE, type Client } from "./browser.ts";
import { YES_NO, type Player } from "./player.ts";
import type { Proxy } from "./proxy.ts";
import { until } from "./processes.ts";
import { scene, type Scene } from "./scene.ts";

const card = (client: Client, ask: string, state = "open") => client.at("ask-card", { ask, state });

async function lostPhone(s: Scene): Promise<{ player: Player; phone: Client; proxy: Proxy }> {
  const player = await s.player({ can_steer: true });
  const proxy = await s.world.proxy();
  const phone = await s.watching(player, { shape: PHONE, proxy, token: await s.world.newToken("Ada's phone") });
  phone.allowCuts();
  return { player, phone, proxy };
}

async function lose(phone: Client, proxy: Proxy): Promise<void> {
  proxy.refuse(true);
  proxy.cut();
  await phone.at("presence", { state: "lost" }).waitFor();
}

/** Answers without a connection: the card keeps it and says no more than that. */
async function answerUnheard(phone: Client, ask: string, option: string): Promise<void> {
  await until("the answer is taken", async () => {
    await card(phone, ask).locator(`[data-option=${option}]`).click({ timeout: 2000 }).catch(() => {});
    return card(phone, ask, "answering").waitFor({ timeout: 1000 }).then(() => true, () => false);
  });
  await card(phone, ask, "answering").getByText("will be sent when connected").waitFor();
}

const answers = (player: Player, ask: string) => player.actions.filter((a) => a.action === "ANSWER" && a.ask === ask);

const ask = (command: string, more: object = {}) => ({ options: YES_NO, permission: { kind: "COMMAND", command }, ...more });

scene("an answer without a network is sent when there is one, and counts once", async (s) => {
  const { player, phone, proxy } = await lostPhone(s);
  const id = await player.ask(ask("make all"));
  await card(phone, id).waitFor();
  await lose(phone, proxy);
  await answerUnheard(phone, id, "once");
  expect(answers(player, id)).toEqual([]);
  const told = phone.page.locator(".ask-ended").getByText("Answered by you on Ada's phone: Allow once").waitFor(); // for a short while
  proxy.refuse(false);
  await phone.tryNow();
  await told;
  await phone.at("timeline").getByText("Ada's phone: Allow once").first().waitFor();
  expect(answers(player, id).length).toBe(1);
});

for (const [what, end, words] of [
  ["answered at the host meanwhile", (player: Player, id: string) => player.do({ answer: { ask: id, option: "no" } }),
    "Your answer did not count. Answered at the host's own terminal: Reject"],
  ["taken back meanwhile", (player: Player, id: string) => player.endAsk(id, "WITHDRAWN", "it is done already"),
    "Your answer did not count. Taken back by the agent (it is done already)"],
  ["ended with its turn", (player: Player, id: string) => player.endAsk(id, "CANCELLED"),
    "Your answer did not count. The turn was stopped"],
  ["void: the agent is gone", (player: Player, id: string) => player.endAsk(id, "ORPHANED"),
    "Your answer did not count. Void: the agent that asked is gone"],
] as const) {
  scene(`an answer without a network to what was ${what}: it says that it did not count, and why`, async (s) => {
    const { player, phone, proxy } = await lostPhone(s);
    const id = await player.ask(ask("make all"));
    await card(phone, id).waitFor();
    await lose(phone, proxy);
    await answerUnheard(phone, id, "once");
    await end(player, id);
    proxy.refuse(false);
    await phone.tryNow();
    const line = phone.page.locator(".ask-ended");
    await line.getByText(words).waitFor();
    await phone.fits();
    expect(answers(player, id).filter((a) => a.resolution?.answer?.option_id === "once")).toEqual([]);
    await line.getByRole("button", { name: "Dismiss" }).click(); // it stays until somebody has taken note
    await line.waitFor({ state: "detached" });
  });
}

scene("an answer without a network to what has expired meanwhile: it says so", async (s) => {
  const { player, phone, proxy } = await lostPhone(s);
  const desk = await s.watching(player);
  // it ends while the phone is away, however slow the phone is: only then its time begins to run out
  const first = await player.ask(ask("make all"));
  await card(phone, first).waitFor();
  await lose(phone, proxy);
  await answerUnheard(phone, first, "once");
  await player.endAsk(first, "EXPIRED");
  await desk.at("timeline").getByText("expired: nobody answered in time").first().waitFor();
  proxy.refuse(false);
  await phone.tryNow();
  await phone.page.locator(".ask-ended").getByText("Your answer did not count. Expired: nobody answered in time").waitFor();
});

scene("one person, two devices: the second is told that it was the first", async (s) => {
  const { player, phone, proxy } = await lostPhone(s);
  const desk = await s.watching(player, { token: await s.world.newToken("Ada's desk") });
  const id = await player.ask(ask("make all"));
  await card(phone, id).waitFor();
  await card(desk, id).waitFor();
  await lose(phone, proxy);
  await answerUnheard(phone, id, "no");
  const told = desk.page.locator(".ask-ended").getByText("Answered by you on Ada's desk: Allow once").waitFor();
  await desk.answer("[data-option=once]", card(desk, id));
  await told;
  proxy.refuse(false);
  await phone.tryNow();
  await phone.page.locator(".ask-ended").getByText(/Your answer did not count\. Answered by \S+ on Ada's desk: Allow once/).waitFor();
  expect(answers(player, id).map((a) => a.resolution!.answer!.option_id)).toEqual(["once"]);
});
