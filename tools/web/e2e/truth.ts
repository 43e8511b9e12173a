/** What the relay holds, read by this package's own link in Node: what a page is compared with. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { Connection, unhex, type PastEvent, type Socket } from "@libremote/link";
import { until } from "./processes.ts";
import type { World } from "./world.ts";

const wasm = fileURLToPath(new URL("../../../build/wasm/remote-link.wasm", import.meta.url));

export async function connectTo(world: World, token = world.token): Promise<Connection> {
  return Connection.open({
    url: `ws://127.0.0.1:${world.port}/v1/link`, module: await WebAssembly.compile(readFileSync(wasm)), agent: "web-e2e/1", token,
    socket: (url, protocol) => new WebSocket(url, protocol) as unknown as Socket,
  });
}

/** How many events a session's log has. */
export async function lengthOf(world: World, id: string): Promise<number> {
  const connection = await connectTo(world);
  try {
    const session = connection.follow(unhex(id));
    await until("the session is read", () => session.synced);
    return session.position.offset;
  } finally {
    connection.close();
  }
}

/** All events of a session's log, from its first. */
export async function logOf(world: World, id: string): Promise<PastEvent[]> {
  const connection = await connectTo(world);
  try {
    const session = connection.follow(unhex(id));
    await until("the session is read", () => session.synced);
    const history = connection.history(unhex(id));
    let before = session.position;
    const all: PastEvent[] = [];
    for (;;) {
      const page = await history.read(before, 1000);
      all.unshift(...page.events);
      if (page.first) return all;
      before = { ...before, offset: page.from };
    }
  } finally {
    connection.close();
  }
}

/** SHA-256 over the raw events [from, to), one behind the other. */
export function digestOf(log: readonly PastEvent[], from: number, to: number): string {
  const sum = createHash("sha256");
  for (const event of log) if (event.offset >= from && event.offset < to) sum.update(event.raw);
  return sum.digest("hex");
}
