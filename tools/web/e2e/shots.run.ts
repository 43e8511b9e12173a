/** Pictures of each main state, at phone and desk size, light and dark: tools/dev web-shots. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DESK, PHONE } from "./browser.ts";
import { scene } from "./scene.ts";
import { states } from "./states.ts";

const folder = process.env.REMOTE_WEB_SHOTS!;
mkdirSync(folder, { recursive: true });

for (const [name, shape] of [["phone", PHONE], ["desk", DESK]] as const) {
  for (const scheme of ["light", "dark"] as const) {
    scene(`${name}, ${scheme}`, async (s) => {
      const first = await s.client({ shape, scheme, anonymous: true, allow: [/\b40[13]\b/] });
      await first.at("sign-in-token").waitFor();
      let number = 0;
      const shoot = async (page: typeof first.page, state: string) => {
        await page.waitForTimeout(700); // what slides in is there, and buttons count
        const file = `${String(++number).padStart(2, "0")}-${state}-${name}-${scheme}.png`;
        await page.screenshot({ path: join(folder, file), scale: "css" });
      };
      await shoot(first.page, "sign-in");
      first.allowCuts();
      const client = await s.client({ shape, scheme });
      client.allowCuts();
      await states(s, client, (state) => shoot(client.page, state));
      await s.world.relay!.kill();
      await client.at("presence", { state: "lost" }).waitFor();
      await shoot(client.page, "lost");
    });
  }
}
