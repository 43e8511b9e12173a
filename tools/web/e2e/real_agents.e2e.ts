/** What real agents say, out of their records, as a person with a phone sees it: it is understood, and answered with one thumb. */
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { PHONE, type Client } from "./browser.ts";
import { until } from "./processes.ts";
import { scene } from "./scene.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Its own name; a command that is allowed, one that is not; whether a file's change is asked for with it; whether it asks questions. */
interface Known {
  name: string;
  allowed: string;
  denied: string;
  asks?: boolean;
}
const AGENTS: { readonly [record: string]: Known } = {
  claude: { name: "Claude Agent", allowed: "touch output.txt && expr 41000 + 999", denied: "touch denied.txt", asks: true },
  codex: { name: "Codex", allowed: "touch made-ok.txt && expr 40 + 2", denied: "touch made-bad.txt && expr 40 + 3" },
  copilot: { name: "Copilot", allowed: "touch output.txt && expr 41000 + 999", denied: "touch denied.txt" },
  gemini: { name: "Gemini CLI", allowed: "touch output.txt && expr 41000 + 999", denied: "touch denied.txt" },
  opencode: { name: "OpenCode", allowed: "touch made-ok.txt && expr 40 + 2", denied: "touch made-bad.txt && expr 40 + 3" },
  qwen: { name: "Qwen Code", allowed: "touch output.txt && expr 41000 + 999", denied: "touch denied.txt", asks: true },
};

const times = (text: string, part: string): number => text.split(part).length - 1;

/** The card as it stands there: its words, once its answers are in sight without scrolling. */
async function card(client: Client, heading: string): Promise<string> {
  const open = client.asks.filter({ hasText: heading });
  await open.waitFor();
  for (const kind of ["allow_once", "reject_once"]) {
    const box = await open.locator(`[data-option-kind=${kind}]`).first().boundingBox();
    expect(box!.y + box!.height, `${kind} is in sight`).toBeLessThanOrEqual(PHONE.viewport.height);
    expect(box!.height).toBeGreaterThanOrEqual(44);
  }
  await client.fits();
  return open.innerText();
}

for (const [record, known] of Object.entries(AGENTS)) {
  scene(`${known.name} asks on a phone`, async (s) => {
    const host = await s.host({ agent: ["/usr/bin/python3", here("replayed_agent.py"), here(`../../../tests/fixtures/acp/${record}.ndjson`)] });
    const client = await s.watching(host, { shape: PHONE });
    await client.at("timeline-item").getByText(`session started: ${known.name}`).first().waitFor();
    const tool = (status: string) => client.page.locator(`[data-testid=tool][data-status=${status}]`);
    const turn = async (words: string, act: () => Promise<void>) => {
      await s.world.send(host.session, words);
      await act();
      await until("the turn is over", async () => (await s.world.sessions()).find((x) => x.session_id === host.session)?.status === "idle");
    };

    await turn(`RUN ${known.allowed}`, async () => {
      const said = await card(client, "Run this command?");
      expect(times(said, known.allowed)).toBe(1);
      expect(said).not.toMatch(/^for /m);
      await tool("pending").getByText("waits for an answer").waitFor();
      expect(await tool("running").count()).toBe(0);
      await client.answer("[data-option-kind=allow_once]");
    });
    await tool("completed").first().waitFor();
    await turn(`RUN ${known.denied}`, async () => {
      await card(client, "Run this command?");
      await client.answer("[data-option-kind=reject_once]");
    });
    expect(await tool("running").count()).toBe(0);

    await turn("WRITE ", async () => {
      const said = await card(client, "Make this change?");
      expect(times(said, "note.txt"), said).toBeLessThanOrEqual(2);
      expect(said).toContain("first line");
      expect(said).not.toMatch(/^for /m);
      await client.answer("[data-option-kind=allow_once]");
    });
    await turn("READ ", async () => {
      expect(await card(client, "Make this change?")).toMatch(/first line[\s\S]*second line/);
      await client.answer("[data-option-kind=allow_once]");
    });

    if (known.asks)
      await turn("ASK ", async () => {
        const open = client.asks.filter({ hasText: "Which colour?" });
        await open.waitFor();
        expect(times(await open.innerText(), "Which colour?")).toBe(1);
        expect(await open.innerText()).not.toMatch(/question_0|AskUserQuestion|Ask user/);
        // one choice of one question is the answer; Claude's form has a second field
        if (record === "claude") {
          await open.getByText("blue", { exact: true }).click();
          await client.answer("text=Send the answer");
        } else await client.answer("text=blue");
      });
    await client.at("timeline-item", { kind: "ask" }).getByText(/answered by/).first().waitFor();
    await client.fits();
  });
}
