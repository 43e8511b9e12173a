/** A test: a relay of its own, browsers that are looked after, and what to look at when it fails. */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { Client, launch, type ClientOptions } from "./browser.ts";
import type { Player } from "./player.ts";
import type { Proxy } from "./proxy.ts";
import { World, type Host, type HostOptions } from "./world.ts";

const failures = fileURLToPath(new URL("../../../build/web-failures/", import.meta.url));

/** One browser a file: it is slow to start. */
let browser: Browser | undefined;
beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => browser?.close());

export class Scene {
  readonly world: World;
  readonly clients: Client[] = [];

  constructor(world: World) {
    this.world = world;
  }

  get browser(): Browser {
    return browser!;
  }

  /** A browser, signed in with the account's token unless told otherwise; `proxy`: its way to the relay. */
  async client(options: ClientOptions & { proxy?: Proxy; at?: string; anonymous?: boolean } = {}): Promise<Client> {
    const base = options.proxy?.url ?? this.world.url;
    const token = options.anonymous ? undefined : options.token ?? this.world.token;
    const opened = await Client.open(this.browser, `${base}${options.at ?? ""}`, {
      ...options,
      ...(token ? { token } : {}),
      before: async (client) => {
        this.clients.push(client);
        await options.before?.(client);
      },
    });
    return opened;
  }

  /** A browser that shows the session. */
  async watching(host: { session: string }, options: Parameters<Scene["client"]>[0] = {}): Promise<Client> {
    const client = await this.client({ ...options, at: `#/s/${host.session}` });
    await client.at("timeline").waitFor();
    await client.live();
    return client;
  }

  host(options?: HostOptions): Promise<Host> {
    return this.world.startHost(options);
  }

  player(...options: Parameters<World["startPlayer"]>): Promise<Player> {
    return this.world.startPlayer(...options);
  }

  async #pictures(name: string): Promise<void> {
    mkdirSync(failures, { recursive: true });
    let number = 0;
    for (const client of this.clients) {
      const file = `${failures}${name.replace(/[^a-z0-9]+/gi, "-")}-${++number}.png`;
      await client.page.screenshot({ path: file, timeout: 10_000 }).then(() => console.log(`see ${file}`), () => {});
      await client.page.locator("body").innerText({ timeout: 5_000 }).then((text) => console.log(`--- browser ${number}: ${client.page.url()}\n${text.slice(0, 3000)}`), () => {});
      if (client.faults.length) console.log(`--- browser ${number}, faults\n${client.faults.join("\n")}`);
    }
  }

  static async play(name: string, flags: string[], body: (scene: Scene) => Promise<void>): Promise<void> {
    const world = await World.start(...flags);
    const scene = new Scene(world);
    try {
      await body(scene);
      for (const client of scene.clients) await client.close();
    } catch (fault) {
      await scene.#pictures(name);
      console.log(world.logs());
      throw fault;
    } finally {
      for (const client of scene.clients) await client.context.close().catch(() => {});
      await world.end();
    }
  }
}

/** `flags` are further ones of `remote-relay serve`. */
export function scene(name: string, body: (scene: Scene) => Promise<void>, flags: string[] = []): void {
  test(name, () => Scene.play(name, flags, body));
}
