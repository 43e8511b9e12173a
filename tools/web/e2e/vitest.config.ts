/** The page in Chromium against the real programs; a file is a topic, files run one after the other. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { aliases } from "../aliases.ts";

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  resolve: { alias: aliases },
  test: {
    include: ["e2e/**/*.e2e.ts"],
    pool: "forks",
    fileParallelism: false,
    reporters: ["verbose"],
    // Hangs, not slowness: what is waited for has its own limits.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
