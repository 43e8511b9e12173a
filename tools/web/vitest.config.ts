import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { aliases } from "./aliases.ts";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  resolve: { alias: aliases },
  test: { include: ["link/test/**/*.test.ts", "app/src/**/*.test.ts", "app/src/**/*.test.tsx"], testTimeout: 120_000 },
});
