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
    // A browser on a machine with other work may starve: a scene that fails is played again from the start, with programs and a
    // folder of its own, and what it left the first time is printed. What is wrong fails each time.
    retry: mode === "test" ? 2 : 0,
  },
}));
