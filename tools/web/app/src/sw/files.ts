/** What a request is to the worker. Pure, so that it can be tested without one. */

/** Made by the build (app/service_worker.ts): every file of the page, with what it must be. */
export interface Shell {
  /** Names this build. */
  version: string;
  /** Path in the folder of the page, "index.html" and "assets/…" among them, to its SHA-256 in hex. */
  files: Record<string, string>;
}

export type Answer = { how: "network" } | { how: "page" } | { how: "file"; path: string };

/** Only the shell is ever answered from the cache: no data, no call, nothing that has a query. */
export function answerFor(request: { url: string; method: string; mode: string }, scope: string, shell: Shell): Answer {
  const network = { how: "network" } as const;
  if (request.method !== "GET" || !request.url.startsWith(scope)) return network;
  const url = new URL(request.url);
  const path = url.pathname.slice(new URL(scope).pathname.length);
  if (request.mode === "navigate") return path === "" || path === "index.html" ? { how: "page" } : network;
  if (url.search !== "" || path === "sw.js" || path === "index.html") return network;
  // Files of other builds have other names: a page that is still open may ask for its own.
  return Object.hasOwn(shell.files, path) || /^assets\/[\w.-]+$/.test(path) ? { how: "file", path } : network;
}

const PREFIX = "shell-";
export const cacheName = (shell: Shell): string => `${PREFIX}${shell.version}`;

/** Caches that can go: all but this build's and the newest other one, which pages that are still open live on. */
export function outdated(names: readonly string[], shell: Shell): string[] {
  const others = names.filter((name) => name.startsWith(PREFIX) && name !== cacheName(shell));
  return others.slice(0, -1); // caches are listed as they were made, the oldest first
}
