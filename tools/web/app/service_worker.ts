/**
 * Vite's plugin for the service worker: one classic script at the root, which knows every file of this build. A worker
 * that imports would have to be a module, which not every browser takes.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin, type ResolvedConfig } from "vite";

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

function filesBelow(folder: string, prefix = ""): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name), `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`]);
}

export function serviceWorker(entry: string): Plugin {
  let config: ResolvedConfig;
  return {
    name: "service-worker",
    apply: "build",
    enforce: "post",
    configResolved(resolved) {
      config = resolved;
    },
    // After everything else, index.html too, has its final name and content.
    generateBundle: {
      order: "post",
      async handler(_options, bundle) {
        const files: Record<string, string> = {};
        for (const output of Object.values(bundle)) {
          if (output.fileName.endsWith(".map")) continue;
          files[output.fileName] = sha256(output.type === "chunk" ? output.code : output.source);
        }
        if (config.publicDir !== "")
          for (const name of filesBelow(config.publicDir)) files[name] = sha256(readFileSync(join(config.publicDir, name)));
        const sorted = Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
        const version = sha256(JSON.stringify(sorted)).slice(0, 16);
        const made = await build({
          configFile: false,
          root: config.root,
          publicDir: false,
          logLevel: "warn",
          resolve: { alias: config.resolve.alias },
          define: { __SHELL__: JSON.stringify({ version, files: sorted }) },
          build: {
            write: false,
            target: config.build.target,
            modulePreload: false,
            rollupOptions: { input: entry, output: { format: "iife", entryFileNames: "sw.js" } },
          },
        });
        const result = Array.isArray(made) ? made[0] : made;
        const script = result && "output" in result ? result.output.find((output) => output.type === "chunk") : undefined;
        if (script?.type !== "chunk") throw new Error("the service worker did not come out of its build");
        this.emitFile({ type: "asset", fileName: "sw.js", source: script.code });
      },
    },
  };
}
