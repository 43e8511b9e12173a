/** Two browsers and the terminal of the host answer the same question at once: one of them wins, and everybody says who. */
import { expect } from "vitest";
import { PHONE, type Client } from "./browser.ts";
import { scene } from "./scene.ts";
import { until } from "./processes.ts";

const ROUNDS = 20;

interface Resolved {
  ask_id: string;
  outcome?: string;
}

scene("twenty races for one answer", async (s) => {
  const host = await s.host({ terminal: [100, 30] });
  const phone = await s.watching(host, { shape: PHONE, token: await s.world.newToken("Ada's phone") });
  const desk = await s.watching(host, { token: await s.world.newToken("Ada's desk") });
  for (let round = 1; round <= ROUNDS; round++) {
    const drawn = host.drawn.length;
    await s.world.send(host.session, `RUN echo round ${round}`);
    const cards = [phone, desk].map((client) => client.at("ask-card", { state: "open" }));
    for (const card of cards) await card.getByText(`echo round ${round}`).first().waitFor();
    await host.says("Allow once", drawn);
    // This question alone: who comes too late presses nothing of the next one either.
    const asked = await cards[0]!.first().getAttribute("data-ask");
    const card = (client: Client) => client.at("ask-card", { state: "open", ask: asked! });
    const press = [
      () => card(phone).locator("[data-option-kind=allow_once]").tap({ timeout: 60_000 }),
      () => card(desk).locator("[data-option-kind=reject_once]").click({ timeout: 60_000 }),
      async () => host.type("y\r"),
    ];
    // In another order each time; one who comes too late finds no card any more, and has pressed nothing.
    const turn = round % 3;
    const order = [...press.slice(turn), ...press.slice(0, turn)];
    const gone = cards.map((card) => card.waitFor({ state: "detached" }));
    await Promise.all([...order.map((go) => Promise.race([go().catch(() => {}), Promise.all(gone)])), ...gone]);
    const of = (client: typeof phone) => client.at("timeline-item", { kind: "ask" }).filter({ hasText: `echo round ${round}` }).last();
    const winners = await Promise.all([phone, desk].map(async (client) => {
      await of(client).getByText(/answered (by|at)/i).first().waitFor();
      return (/answered (?:by|at) (.+)/i.exec(await of(client).innerText())?.[1] ?? "").trim();
    }));
    expect(winners[0]).toBe(winners[1]);
    await until("the turn is over", async () => (await s.world.sessions()).find((x) => x.session_id === host.session)?.status === "idle");
  }
  const events = await s.world.events(host.session);
  const resolved = events.filter((e) => "ask_resolved" in e).map((e) => e.ask_resolved as Resolved);
  expect(resolved.length).toBe(ROUNDS);
  expect(new Set(resolved.map((r) => r.ask_id)).size).toBe(ROUNDS);
  const outcomes = events.filter((e) => "command_outcome" in e).map((e) => e.command_outcome as { kind: string; outcome: string });
  const answers = outcomes.filter((o) => /ANSWER/.test(o.kind));
  expect(answers.filter((o) => !/APPLIED|SUPERSEDED/.test(o.outcome))).toEqual([]);
  expect(answers.filter((o) => /APPLIED/.test(o.outcome)).length).toBeLessThanOrEqual(ROUNDS);
});
