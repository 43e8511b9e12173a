/** The page for everybody: by keyboard, for screen readers, in every scheme, at every width, in every direction. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect } from "vitest";
import { DESK, PHONE, type Client } from "./browser.ts";
import { until } from "./processes.ts";
import { scene } from "./scene.ts";
import { states } from "./states.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

async function accessible(client: Client, where: string): Promise<string[]> {
  await client.page.evaluate(axe);
  const found = await client.page.evaluate(async () => {
    const run = (window as unknown as { axe: { run(o: object): Promise<{ violations: Violation[] }> } }).axe.run;
    return (await run({ resultTypes: ["violations"] })).violations;
  });
  return found.filter((v) => v.impact === "serious" || v.impact === "critical")
    .map((v) => `${where}: ${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 200)} ${n.failureSummary}`).join("\n   ")}`);
}

for (const scheme of ["light", "dark"] as const) {
  scene(`nothing serious is wrong for assistive technology (${scheme})`, async (s) => {
    const faults: string[] = [];
    for (const shape of [PHONE, DESK]) {
      const client = await s.client({ shape, scheme });
      await states(s, client, async (name) => {
        faults.push(...await accessible(client, `${name} at ${shape.viewport.width}`));
        await client.fits();
      });
    }
    expect(faults).toEqual([]);
  });
}

/** Tab until that has the focus; how many it took. */
async function tabTo(client: Client, selector: string): Promise<number> {
  for (let presses = 1; presses <= 80; presses++) {
    await client.page.keyboard.press("Tab");
    if (await client.page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) {
      const outline = await client.page.evaluate(() => {
        const drawn = (e: Element | null): boolean =>
          e !== null && (getComputedStyle(e).outlineStyle !== "none" || getComputedStyle(e).boxShadow !== "none");
        const at = document.activeElement!;
        return drawn(at) || at.matches("input, textarea") || drawn(at.closest("li"));
      });
      expect(outline).toBe(true); // where one is can be seen
      return presses;
    }
  }
  throw new Error(`Tab does not lead to ${selector}`);
}

scene("a whole turn by keyboard alone: open, write, answer, and what is being typed keeps the focus", async (s) => {
  const host = await s.host();
  const client = await s.client();
  await client.at("session-item", { session: host.session }).waitFor();
  await tabTo(client, `[data-session="${host.session}"] a, a[href*="${host.session}"]`);
  await client.page.keyboard.press("Enter");
  await client.at("timeline").waitFor();
  await client.live();
  await tabTo(client, "[data-testid=prompt-input]");
  await client.page.keyboard.type("RUN echo typed");
  await client.page.keyboard.press("Enter");
  if ((await client.at("prompt-input").inputValue()) !== "") await client.page.keyboard.press("Control+Enter");
  await client.page.keyboard.type("half a sent");
  await client.at("ask-card", { state: "open" }).waitFor();
  await client.page.keyboard.type("ence");
  expect(await client.at("prompt-input").inputValue()).toBe("half a sentence");
  await tabTo(client, "[data-option-kind=allow_once]").catch(async () => {
    for (let i = 0; i < 40; i++) await client.page.keyboard.press("Shift+Tab");
    await tabTo(client, "[data-option-kind=allow_once]");
  });
  // A button counts once it has stood still for a moment; a person presses again.
  await until("the answer is taken", async () => {
    await client.page.locator("[data-option-kind=allow_once]:focus").press("Enter", { timeout: 2000 }).catch(() => {});
    return client.asks.waitFor({ state: "detached", timeout: 3000 }).then(() => true, () => false);
  });
  await client.at("tool", { status: "completed" }).first().waitFor();
  expect(await client.at("prompt-input").inputValue()).toBe("half a sentence");
});

scene("who wants less motion gets none", async (s) => {
  const host = await s.host();
  const client = await s.watching(host, { reducedMotion: true, shape: PHONE });
  await s.world.send(host.session, "SLOW 10 100", "RUN echo still");
  await client.at("ask-card", { state: "open" }).waitFor();
  const moving = await client.page.evaluate(() =>
    document.getAnimations().filter((a) => a.playState === "running" && Number(a.effect?.getComputedTiming().duration ?? 0) > 50)
      .map((a) => ((a.effect as KeyframeEffect | null)?.target as HTMLElement | null)?.className ?? ""));
  expect(moving).toEqual([]);
  await client.answer("[data-option-kind=reject_once]");
});

scene("written from right to left, nothing sticks out on a phone", async (s) => {
  const host = await s.host({ flags: ["--name", "A title that is longer than what a phone shows in one line"] });
  const client = await s.client({
    shape: PHONE,
    before: async (one) => {
      await one.page.addInitScript(() => {
        const turn = () => document.documentElement?.setAttribute("dir", "rtl");
        turn();
        document.addEventListener("DOMContentLoaded", turn);
      });
    },
  });
  const fits = async (where: string) => {
    expect(await client.page.evaluate(() => getComputedStyle(document.documentElement).direction)).toBe("rtl");
    // In this direction what sticks out does so to the left.
    const out = await client.page.evaluate(() => {
      const seen = document.documentElement.clientWidth;
      const scrolls = (e: Element): boolean => e !== document.body && e !== document.documentElement && getComputedStyle(e).overflowX !== "visible";
      const inside = (e: Element): boolean => {
        for (let at: Element | null = e.parentElement; at; at = at.parentElement) if (scrolls(at)) return true;
        return false;
      };
      return [...document.querySelectorAll("body *")].filter((e) => {
        const box = e.getBoundingClientRect();
        return box.width > 1 && box.height > 1 && (box.left < -1 || box.right > seen + 1) && !inside(e);
      }).map((e) => `${e.tagName}.${e.className}`).slice(0, 5);
    });
    expect(out, where).toEqual([]);
    const cut = await client.page.evaluate(() => [".session-title", ".session-write", ".session-asks", ".page-head", ".page-body"]
      .flatMap((name) => [...document.querySelectorAll(name)])
      .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => `${e.className}: ${e.scrollWidth} > ${e.clientWidth}`));
    expect(cut, where).toEqual([]);
    const over = await client.page.evaluate(() => {
      const boxes = [...document.querySelectorAll(".session-title > a, .session-title h1, .session-activity > *, .session-actions")]
        .map((e) => ({ name: e.className, box: e.getBoundingClientRect() })).filter((e) => e.box.width > 1);
      return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > 1
        && Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top) > 2).map((b) => `${a.name} over ${b.name}`));
    });
    expect(over, where).toEqual([]);
    await client.fits();
  };
  await s.world.send(host.session, "SAY Some **words** and `code`.", "RUN printf 'a long line %0200d' 1");
  await client.at("session-item", { session: host.session }).getByText(/answer/i).first().waitFor();
  await fits("list");
  await client.openSession(host.session);
  await client.live();
  await client.asks.waitFor();
  await fits("session with a question");
  await client.answer("[data-option-kind=allow_once]");
  await client.at("notify-hint").or(client.at("tool", { status: "completed" })).first().waitFor();
  await fits("session");
  for (const place of ["devices", "settings"]) {
    await client.page.goto(`${client.origin}/#/${place}`);
    await client.page.getByRole("heading", { level: 1 }).first().waitFor();
    await fits(place);
  }
});

scene("Escape closes whatever has been opened, one after the other, and the focus is where it was", async (s) => {
  const host = await s.host();
  await s.world.turn(host.session, "SAY something to find", "SAY and to find again");
  const client = await s.watching(host, { shape: PHONE });
  const focusIs = (what: string) => until(`the focus is on ${what}`, () => client.page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, what));
  const press = (what: string) => client.page.locator(what).press("Enter");
  const escape = () => client.page.keyboard.press("Escape");

  const details = client.page.locator(".presence-details");
  for (const opener of [".presence-words", "[data-testid=probe]"]) {
    await press(opener);
    await details.waitFor();
    await escape();
    await details.waitFor({ state: "detached" });
    await focusIs(opener);
  }
  // By a finger, and the focus anywhere.
  await client.page.locator(".presence-words").click();
  await details.waitFor();
  await client.page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await escape();
  await details.waitFor({ state: "detached" });
  await focusIs(".presence-words");

  const jumps = client.page.locator(".tl-jumps");
  await press("[aria-label='Jump to']");
  await jumps.waitFor();
  await client.page.keyboard.press("Tab");
  await escape();
  await jumps.waitFor({ state: "detached" });
  await focusIs("[aria-label='Jump to']");

  // By keys that come one after the other before anything is painted.
  expect(await client.page.evaluate(async () => {
    const drawn = async () => {
      for (let i = 0; i < 20; i++) await Promise.resolve();
    };
    const opener = document.querySelector<HTMLElement>("[aria-label='Jump to']")!;
    opener.focus();
    opener.click();
    await drawn();
    const was = document.querySelectorAll(".tl-jumps").length;
    document.querySelector<HTMLElement>(".tl-jump")?.focus();
    document.activeElement!.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true }));
    await drawn();
    return [was, document.querySelectorAll(".tl-jumps").length, document.activeElement === opener];
  })).toEqual([1, 0, true]);

  await client.at("search-input").fill("to find");
  await client.at("search-hit").first().waitFor();
  await client.at("search-hit").first().focus();
  await escape();
  await client.at("search-hit").first().waitFor({ state: "detached" });
  await focusIs("[data-testid=search-input]");

  for (const opener of ["[data-testid=session-menu]", "[data-testid=mode-button]", ".tl-sheet-button"]) {
    await press(opener);
    await client.page.locator("dialog[open]").waitFor();
    await escape();
    await client.page.locator("dialog[open]").waitFor({ state: "detached" });
    await focusIs(opener);
  }
  await press("[data-testid=session-menu]");
  await client.at("end-remote").waitFor();
  await press("[data-testid=end-remote]");
  await client.page.getByRole("button", { name: "End it" }).waitFor();
  await escape();
  await client.page.getByRole("button", { name: "End it" }).waitFor({ state: "detached" });
  await focusIs("[data-testid=end-remote]");
  await escape();
  await focusIs("[data-testid=session-menu]");
  expect(host.drawn).not.toContain("remote control: off");

  await client.page.goto(`${client.origin}/#/devices`);
  await press("[aria-label^='Rename ']");
  await client.page.getByLabel("New name of").waitFor();
  await escape();
  await focusIs("[aria-label^='Rename ']");
});
