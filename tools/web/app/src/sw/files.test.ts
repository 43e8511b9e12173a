import { expect, test } from "vitest";
import { answerFor, outdated, type Shell } from "./files.ts";

const shell: Shell = { version: "b", files: { "index.html": "1", "assets/a-1.js": "2", "icons/icon-192.png": "3", "manifest.webmanifest": "4" } };
const scope = "https://relay.example.org/relay/";
const how = (path: string, mode = "cors", method = "GET") => {
  const answer = answerFor({ url: new URL(path, scope).href, method, mode }, scope, shell);
  return answer.how === "file" ? answer.path : answer.how;
};

test("only the shell is answered from the cache", () => {
  expect([how("", "navigate"), how("index.html", "navigate"), how("#/s/1", "navigate"), how("?from=home", "navigate")]).toEqual(["page", "page", "page", "page"]);
  expect([how("assets/a-1.js"), how("icons/icon-192.png"), how("manifest.webmanifest")]).toEqual(["assets/a-1.js", "icons/icon-192.png", "manifest.webmanifest"]);
  expect(how("assets/of-another-build.js")).toBe("assets/of-another-build.js");
});

test.each(["v1/who", "v1/link", "healthz", "metrics", "sw.js", "index.html", "assets/a-1.js?x", "assets/../v1/who", "__proto__", "constructor", "/other/assets/a-1.js"])(
  "%s is the network's", (path) => expect(how(path)).toBe("network"));

test("neither posts nor other pages", () => {
  expect([how("", "navigate", "POST"), how("v1/sign-in", "navigate"), how("assets/a-1.js", "cors", "HEAD")]).toEqual(["network", "network", "network"]);
});

test("pages of the build before are still served", () => {
  expect(outdated(["shell-x", "other", "shell-a", "shell-b"], shell)).toEqual(["shell-x"]);
  expect(outdated(["shell-b"], shell)).toEqual([]);
});
