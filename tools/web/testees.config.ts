/**
 * The conformance testees of the link (conformance/testees/web) into build/web-testees: `--mode node` for what node
 * runs, `--mode page` for what the browser loads.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { aliases } from "./aliases.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const source = here("../../conformance/testees/web");
const built = here("../../build/web-testees");

export default defineConfig(({ mode }) => mode === "page" ? {
  root: source,
  base: "./",
  resolve: { alias: aliases },
  build: {
    outDir: `${built}/page`, emptyOutDir: true, assetsInlineLimit: 0, target: "es2022", modulePreload: { polyfill: false },
    rolldownOptions: { input: `${source}/page.html` },
  },
} : {
  root: source,
  resolve: { alias: aliases },
  ssr: { noExternal: true },
  build: {
    outDir: `${built}/node`, emptyOutDir: true, target: "node20", ssr: true, minify: false,
    rolldownOptions: { input: { node: `${source}/node.ts`, bridge: `${source}/bridge.ts` } },
  },
});
