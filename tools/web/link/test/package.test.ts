/** The package as others get it: packed, installed into an empty project, and its README's example run as it stands there. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../e2e/processes.ts";
import { World } from "../../e2e/world.ts";
import { moduleMissing } from "./wasm.js";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "../../node_modules");
const root = join(here, "../../../..");
const TIMEOUT_MS = 600_000;
const built = [process.env.REMOTE_BUILD ?? join(root, "build/dev")].every((folder) => existsSync(join(folder, "tools/relay/remote-relay")));
const served = existsSync(join(root, "build/web/index.html"));
if (!built || !served) console.warn("left out: the example against a relay (tools/dev build and tools/dev web build what it needs)");

describe.skipIf(moduleMissing)("the package", () => {
  const folder = mkdtempSync(join(tmpdir(), "remote-link-"));
  const installed = join(folder, "node_modules/@libremote/link");

  beforeAll(() => {
    const packed = join(folder, "packed");
    execFileSync(process.execPath, [join(here, "../pack.mjs"), packed], { stdio: ["ignore", "ignore", "inherit"] });
    // What npm would lay down, without asking a registry for what is here already.
    mkdirSync(join(folder, "node_modules/@bufbuild"), { recursive: true });
    cpSync(packed, installed, { recursive: true });
    for (const name of ["@bufbuild/protobuf", "ws"]) symlinkSync(join(modules, name), join(folder, "node_modules", name));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  }, TIMEOUT_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("names files that are there, and nothing outside of it", () => {
    const { exports } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as { exports: Record<string, string | Record<string, string>> };
    for (const target of Object.values(exports))
      for (const path of typeof target === "string" ? [target] : Object.values(target)) expect(existsSync(join(installed, path)), path).toBe(true);
  });

  it("has types that a strict project takes", () => {
    writeFileSync(join(folder, "use.ts"), [
      'import { Connection, View, foldNews, type SessionNews } from "@libremote/link";',
      'import { AskKind, type SessionState } from "@libremote/link/messages";',
      "export async function use(module: WebAssembly.Module): Promise<SessionState> {",
      '  const connection = await Connection.open({ url: "wss://x/v1/link", module, agent: "a" });',
      '  await connection.call({ case: "watchSessions", value: {} }, (reply) => void reply.result.case);',
      "  const view = new View();",
      "  connection.follow(new Uint8Array(16)).onNews((news: SessionNews) => void foldNews(view, news));",
      "  return AskKind.PLAN > 0 ? view.state : new View().state;",
      "}", "",
    ].join("\n"));
    execFileSync(process.execPath, [join(modules, "typescript/bin/tsc"), "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext",
      "--moduleResolution", "nodenext", "--lib", "es2023,dom", "--types", "", "use.ts"], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
  }, TIMEOUT_MS);

  it.skipIf(!built || !served)("runs the README's example against a relay", async () => {
    const example = /```js\n([\s\S]*?)```/.exec(readFileSync(join(installed, "README.md"), "utf8"))![1]!;
    writeFileSync(join(folder, "example.js"), example);
    const world = await World.start();
    try {
      const host = await world.startHost();
      const ended = await run([process.execPath, join(folder, "example.js")], {
        cwd: folder, env: { ...world.env, RELAY: `ws://127.0.0.1:${world.port}/v1/link`, TOKEN: world.token, PROMPT: "SAY from the package" },
      });
      expect(ended.code, ended.err).toBe(0);
      expect(ended.out).toContain("link: live");
      expect(ended.out).toContain("from the package");
      expect(ended.out).toContain(host.session);
      expect(ended.out).not.toContain(world.token);
    } finally {
      await world.end();
    }
  }, TIMEOUT_MS);
});
