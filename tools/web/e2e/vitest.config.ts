/** The page in Chromium against the real programs; a file is a topic, files run one after the other. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { aliases } from "../aliases.ts";

// `--mode shots` and `--mode bench` run shots.run.ts and bench.run.ts instead.
export default defineConfig(({ mode }) => ({
  root: fileURLToPath(new URL("..", import.meta.url)),
  resolve: { alias: aliases },
  test: {
    include: [mode === "test" ? "e2e/*.e2e.ts" : `e2e/${mode}.run.ts`],
    pool: "forks",
    fileParallelism: false,
    reporters: ["verbose"],
    // Hangs, not slowness: what is waited for has its own limits.
    testTimeout: mode === "bench" ? 3_600_000 : 900_000,
    hookTimeout: 300_000,
    // Scenes hold with a page that is many times slower (REMOTE_WEB_SLOWER=8). What is left is the browser itself: one that the
    // system ends for want of memory takes the scene along, and is no fault of the page. Such a scene is played once more, with
    // programs and a folder of its own, and what it left is printed; REMOTE_WEB_RETRY=0 looks closer.
    retry: mode === "test" ? Number(process.env.REMOTE_WEB_RETRY ?? 1) : 0,
  },
}));
