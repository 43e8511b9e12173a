// Makes the package that others install: build/link-package, of plain ESM, types and the module. `tools/dev web` first.
//   node pack.mjs [FOLDER]
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../../..");
const out = resolve(process.argv[2] ?? join(root, "build/link-package"));
const wasm = process.env.REMOTE_LINK_WASM ?? join(root, "build/wasm/remote-link.wasm");
if (!existsSync(wasm)) throw new Error(`${wasm} is not there: run tools/dev web`);

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const emitted = join(out, "emitted");
execFileSync(process.execPath, [join(here, "../node_modules/typescript/bin/tsc"), "-p", join(here, "tsconfig.package.json"), "--outDir", emitted],
  { stdio: "inherit" });
renameSync(join(emitted, "tools/web/link/src"), join(out, "dist"));
renameSync(join(emitted, "gen/ts"), join(out, "dist/gen"));
rmSync(emitted, { recursive: true });
// In the repository what is generated lies four folders up.
for (const name of ["messages.js", "messages.d.ts"]) {
  const file = join(out, "dist", name);
  writeFileSync(file, readFileSync(file, "utf8").replaceAll("../../../../gen/ts/", "./gen/"));
}
for (const name of readdirSync(join(out, "dist"), { recursive: true, encoding: "utf8" }))
  if (/\.(js|d\.ts)$/.test(name) && readFileSync(join(out, "dist", name), "utf8").includes("../../../../"))
    throw new Error(`${name} reaches out of the package`);

cpSync(wasm, join(out, "remote-link.wasm"));
for (const [from, to] of [[join(here, "README.md"), "README.md"], [join(root, "LICENSE"), "LICENSE"]]) if (existsSync(from)) cpSync(from, join(out, to));
const { name, version, license, sideEffects, dependencies } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
writeFileSync(join(out, "package.json"), `${JSON.stringify({
  name, version, license, description: "A client's link to a libremote relay: resume, exactly-once commands, the folded view of a session.",
  type: "module", sideEffects,
  exports: {
    ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
    "./messages": { types: "./dist/messages.d.ts", default: "./dist/messages.js" },
    "./remote-link.wasm": "./remote-link.wasm",
  },
  files: ["dist", "remote-link.wasm"],
  engines: { node: ">=20" },
  dependencies,
}, null, 2)}\n`);
console.log(out);
