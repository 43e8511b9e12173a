import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { aliases } from "../aliases.ts";
import { brotliFiles } from "./brotli_files.ts";
import { preloadModule } from "./preload.ts";
import { serviceWorker } from "./service_worker.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  base: "./",
  plugins: [preloadModule(), serviceWorker(here("src/sw/sw.ts")), brotliFiles()],
  resolve: { alias: [...aliases, { find: /^remote-link\.wasm/, replacement: here("../../../build/wasm/remote-link.wasm") }] },
  // The page's Content-Security-Policy allows nothing inline, and no data: but images.
  build: { outDir: here("../../../build/web"), emptyOutDir: true, assetsInlineLimit: 0, target: "es2022", modulePreload: { polyfill: false },
    // how long each plugin took is not for whoever builds the demo
    rolldownOptions: { checks: { bundlerTimings: false } } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { fs: { allow: [here("../../..")] } },
});
