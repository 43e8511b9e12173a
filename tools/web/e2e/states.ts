/** The states that a person sees most, one after the other: for pictures, and for what must hold in each of them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "./browser.ts";
import type { Scene } from "./scene.ts";
import { until } from "./processes.ts";

const PYTHON = `def area(shape):
    if shape.kind == "circle":
        return 3.14 * shape.radius ** 2
    raise ValueError(shape.kind)
`;

/** Plays them in a browser that shows the list; `look` is called in each. */
export async function states(s: Scene, client: Client, look: (name: string) => Promise<void>): Promise<void> {
  const idle = (id: string) =>
    until("the turn is over", async () => (await s.world.sessions()).find((x) => x.session_id === id)?.status === "idle");
  mkdirSync(join(s.world.work, "src"), { recursive: true });
  writeFileSync(join(s.world.work, "src/area.py"), PYTHON);
  const host = await s.host({ flags: ["--name", "Round areas are wrong"] });
  const other = await s.host({ flags: ["--name", "Weekly report"] });
  await s.world.turn(other.session, "SAY The report is ready.");
  await s.world.send(host.session,
    "THINK The circle uses 3.14, which is where the error comes from.",
    "PLAN Find where areas are made|Use math.pi|Run the tests",
    "SAY I looked at **src/area.py**. The area of a circle is made with `3.14`:\\n\\n```python\\nreturn 3.14 * shape.radius ** 2\\n```\\n\\nI would rather use `math.pi`, and then run the tests.",
    "EDIT src/area.py 3.14=>math.pi", "RUN printf 'collected 41 items\\n\\033[32m41 passed\\033[0m in 0.42s\\n'",
    "SAY All 41 tests pass. The areas are right to the last digit now.");
  await client.at("session-item", { session: host.session }).getByText(/answer/i).first().waitFor();
  await look("sessions");
  await client.openSession(host.session);
  const open = client.at("ask-card", { state: "open" });
  await open.waitFor();
  await client.at("diff").first().waitFor();
  await look("ask-diff");
  await client.answer("[data-option-kind=allow_once]");
  await open.getByText("collected 41").first().waitFor();
  await look("ask-command");
  await client.answer("[data-option-kind=allow_once]");
  await client.said("right to the last digit").waitFor();
  await idle(host.session);
  await look("done");
  await s.world.send(host.session, "FORM How shall it be released?|version:string!|channel:stable,beta!=stable|notes:string|notify:boolean");
  await open.getByText("How shall it be released?").first().waitFor();
  await look("form");
  await s.world.cli("cancel", host.session).catch(() => client.at("cancel-turn").click());
  await idle(host.session);
  await s.world.send(host.session, "REVIEW ## What I would do\\n1. Take `math.pi` for all round shapes\\n2. Add a test with a radius of 1e9\\n3. Say so in the changelog");
  await open.getByText("Say so in the changelog").first().waitFor();
  await look("plan-review");
  await client.answer("[data-option-kind=reject_once]");
  await idle(host.session);
  await s.world.send(host.session, "SLOW 600 200");
  await client.said(/slow 3\/600/).waitFor();
  await client.at("prompt-input").fill("and then tag the release");
  await client.at("prompt-send").click();
  await client.at("command").first().waitFor();
  await look("running");
  await client.page.goto(`${client.origin}/#/settings`);
  await client.page.getByRole("heading", { level: 1 }).first().waitFor();
  await look("settings");
  await client.page.goto(`${client.origin}/#/devices`);
  await client.page.getByRole("heading", { level: 1 }).first().waitFor();
  await look("devices");
  await client.openSession(other.session);
  await other.end();
  await client.at("summary").first().waitFor();
  await look("ended");
  await host.end();
}
