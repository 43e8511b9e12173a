/** Vite's plugin for a hint in index.html: the module of the link is fetched beside the scripts, not after they have run; on a slow network that is one round trip less. */
import type { Plugin } from "vite";

export function preloadModule(): Plugin {
  return {
    name: "preload-module",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(_html, { bundle }) {
        const name = Object.keys(bundle ?? {}).find((file) => file.endsWith(".wasm"));
        if (!name) throw new Error("index.html: the build has no module to preload");
        // as fetch() asks for it: without `crossorigin` it would be fetched twice
        return [{ tag: "link", attrs: { rel: "preload", as: "fetch", crossorigin: true, href: `./${name}` }, injectTo: "head" }];
      },
    },
  };
}
