/** What the agent asks: every kind, with all that is offered; who answered; several at once. */
import { expect } from "vitest";
import { DESK, PHONE, type Client } from "./browser.ts";
import { until } from "./processes.ts";
import { scene, type Scene } from "./scene.ts";
import type { Host } from "./world.ts";

const open = (client: Client) => client.at("ask-card", { state: "open" });

/** The agent's own words on what it was answered. */
async function said(client: Client, text: string | RegExp): Promise<void> {
  await client.said(text).waitFor();
}

async function both(s: Scene): Promise<{ host: Host; phone: Client; desk: Client }> {
  const host = await s.host();
  const phone = await s.watching(host, { shape: PHONE });
  const desk = await s.watching(host, { shape: DESK });
  return { host, phone, desk };
}

scene("a permission: all that is offered, answered by one thumb, and everybody is told by whom", async (s) => {
  const { host, phone, desk } = await both(s);
  for (const [kind, after] of [["allow_once", "completed"], ["reject_once", "failed"]] as const) {
    await s.world.send(host.session, `RUN echo ${kind} came`);
    await open(phone).waitFor();
    await open(desk).waitFor();
    expect(await open(phone).locator("[data-testid=ask-option]").count()).toBeGreaterThanOrEqual(3);
    const box = await open(phone).locator(`[data-option-kind=${kind}]`).boundingBox();
    expect(box!.height).toBeGreaterThanOrEqual(44);
    expect(box!.y + box!.height).toBeLessThanOrEqual(740); // on the screen without scrolling
    await phone.answer(`[data-option-kind=${kind}]`);
    await open(desk).waitFor({ state: "detached" });
    await open(phone).waitFor({ state: "detached" });
    await desk.page.getByText(/answered by/i).last().waitFor();
    if (after === "completed") await desk.at("tool", { status: "completed" }).first().waitFor();
    await phone.fits();
  }
});

scene("a question with choices, a question with words, and a page to open", async (s) => {
  const { host, phone } = await both(s);
  await s.world.send(host.session, "ASK Which colour?|red|green|blue");
  await open(phone).getByText("Which colour?").first().waitFor();
  await phone.answer('text="green"');
  await said(phone, "You answered: green");
  await s.world.send(host.session, "ASK What is it called?");
  await open(phone).getByText("What is it called?").first().waitFor();
  await open(phone).locator("input, textarea").first().fill("it is called Ümläut 文字");
  await phone.answer("[data-testid=ask-send]");
  await said(phone, "You answered: it is called Ümläut 文字");
  await s.world.send(host.session, "OPEN https://example.org/sign/in?a=b");
  await open(phone).getByText("example.org").first().waitFor();
  await phone.fits();
  await phone.answer("[data-option-kind=reject_once]");
});

scene("a question is answered by the number that stands on the choice, and by none of more than nine", async (s) => {
  const { host, desk } = await both(s);
  await s.world.send(host.session, "ASK Which colour?|red|green|blue");
  await open(desk).getByText("Which colour?").first().waitFor();
  await open(desk).locator("kbd").nth(2).waitFor(); // the form comes after its question
  expect(await open(desk).locator("kbd").allTextContents()).toEqual(["1", "2", "3"]);
  // it counts once the card has stood still for a moment
  await until("the number is taken", async () => {
    await desk.page.keyboard.press("2");
    return open(desk).waitFor({ state: "detached", timeout: 1000 }).then(() => true, () => false);
  });
  await said(desk, "You answered: green");
  await s.world.send(host.session, `ASK Which of twelve?|${Array.from({ length: 12 }, (_, at) => `way ${at + 1}`).join("|")}`);
  await open(desk).getByText("way 12").first().waitFor();
  expect(await open(desk).locator("kbd").count()).toBe(0);
});

scene("a form with every kind of field, with what is missing said in place", async (s) => {
  const { host, phone } = await both(s);
  await s.world.send(host.session,
    "FORM Tell me|name:string!|size:integer!|share:number|really:boolean|colour:red,green,blue!|extras:a+b+c|mail:email|day:date|link:uri=https://example.org/");
  const card = open(phone);
  await card.getByText("Tell me").first().waitFor();
  await phone.fits();
  await until("what must be given is marked", async () => {
    await card.getByTestId("ask-send").click({ timeout: 2000 }).catch(() => {});
    return (await card.locator("[aria-invalid=true]").count()) > 0;
  });
  await card.getByLabel(/^name/i).fill("Ada");
  await card.getByLabel(/^size/i).fill("42");
  await card.getByLabel(/^share/i).fill("0.5");
  await card.getByLabel(/^mail/i).fill("ada@example.org");
  const colour = card.getByLabel(/^colour/i);
  if ((await colour.count()) > 0 && (await colour.first().evaluate((e) => e.tagName)) === "SELECT") await colour.first().selectOption("green");
  else await card.getByText("green", { exact: true }).click();
  await card.getByText("b", { exact: true }).click();
  await phone.fits();
  await phone.answer("[data-testid=ask-send]");
  await said(phone, /The form: .*"name": ?"Ada"/);
  const text = await phone.at("timeline").innerText();
  expect(text).toMatch(/"size": ?42/);
  expect(text).toMatch(/"share": ?0.5/);
  expect(text).toMatch(/"colour": ?"green"/);
  expect(text).toMatch(/"extras": ?\[\s*"b"\s*\]/);
});

scene("a plan is reviewed: it is read in full, and each way to go on is offered", async (s) => {
  const { host, phone, desk } = await both(s);
  await s.world.send(host.session, "REVIEW # The plan\\n1. look at it\\n2. write **it** down");
  await open(phone).getByText("look at it").first().waitFor();
  await open(phone).getByText("write it down").first().waitFor(); // as Markdown
  expect(await open(phone).locator("[data-testid=ask-option]").count()).toBe(3);
  await phone.fits();
  await phone.answer("[data-option=begin]");
  await open(desk).waitFor({ state: "detached" });
});

scene("several at once: a sub-agent asks, each card is answered by itself", async (s) => {
  const { host, desk } = await both(s);
  await s.world.send(host.session, "TASK explorer|Look around the house");
  await open(desk).waitFor();
  await desk.page.getByText(/explorer|sub-agent/i).first().waitFor();
  await desk.answer("[data-option=once]");
  await desk.at("timeline").getByText("The sub-agent has looked.").first().waitFor();
});

scene("a comment goes along with the answer", async (s) => {
  const { host, phone, desk } = await both(s);
  await s.world.send(host.session, "RUN echo hello");
  await open(phone).waitFor();
  const comment = phone.at("ask-comment");
  if (!(await comment.first().isVisible())) await open(phone).getByRole("button", { name: /comment/i }).first().click();
  await comment.locator("input, textarea").or(phone.page.locator("textarea[data-testid=ask-comment], input[data-testid=ask-comment]")).first().fill("not on a Friday");
  await phone.answer("[data-option-kind=reject_once]");
  await open(desk).waitFor({ state: "detached" });
  await desk.page.getByText("not on a Friday").first().waitFor();
});

scene("a comment goes along with the key that answers, too", async (s) => {
  const { host, desk } = await both(s);
  await s.world.send(host.session, "RUN echo hello");
  await open(desk).waitFor();
  await open(desk).getByRole("button", { name: /comment/i }).click();
  await desk.at("ask-comment").fill("not on a Friday");
  await desk.at("ask-comment").press("Escape");
  await until("the key is taken", async () => {
    await desk.page.keyboard.press("n");
    return open(desk).waitFor({ state: "detached", timeout: 1000 }).then(() => true, () => false);
  });
  await desk.at("timeline").getByText("not on a Friday").first().waitFor();
});

scene("a change is not answered before it can be read; what shows it cannot be had: that stands beside the buttons", async (s) => {
  const host = await s.host();
  const shows = /\/assets\/diff-[^/]*\.js$/;
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const held = { count: 0 };
  const alone = async (client: Client) => client.page.addInitScript(() => {
    // what a worker fetches is not seen from here
    navigator.serviceWorker.register = () => Promise.reject(new Error("not here"));
  });
  const desk = await s.client({ at: `#/s/${host.session}`, before: async (client) => {
    await alone(client);
    await client.page.route(shows, async (route) => {
      held.count++;
      await released;
      await route.continue();
    });
  } });
  const without = await s.client({ at: `#/s/${host.session}`, allow: [/ERR_FAILED/], before: async (client) => {
    await alone(client);
    await client.page.route(shows, (route) => route.abort());
  } });
  await desk.live();
  await without.live();
  await s.world.send(host.session, "EDIT note.txt =>one line");
  const buttons = open(desk).locator("[data-testid=ask-option]");
  await buttons.first().waitFor();
  await until("what shows changes is asked for", () => held.count > 0);
  for (let i = 0; i < 4; i++) {
    // longer than a card that has just come takes no taps
    await desk.page.waitForTimeout(200);
    for (const button of await buttons.all()) {
      expect(await button.getAttribute("aria-disabled")).toBe("true");
      await button.click({ force: true });
    }
    await desk.page.keyboard.press("y");
  }
  expect(await open(desk).count()).toBe(1);
  await open(without).getByText("the change could not be loaded and is not shown").waitFor();
  release();
  await open(desk).getByText("one line").waitFor();
  await desk.answer("[data-option-kind=allow_once]");
  await open(without).waitFor({ state: "detached" });
});
