/**
 * The page's own files, so that it opens without a network. Pages come from the relay when it answers in time, so a
 * reload is always the newest version; their files come from the cache, each build's under its own names.
 */
import { answerFor, cacheName, outdated, type Shell } from "./files.ts";

declare const self: ServiceWorkerGlobalScope;
declare const __SHELL__: Shell;

const shell = __SHELL__;
const PAGE_MS_MAX = 2_500;

async function digest(bytes: ArrayBuffer): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const isThat = async (answer: Response, wanted: string): Promise<boolean> => (await digest(await answer.clone().arrayBuffer())) === wanted;

/** All files or none: half a build would be a page that does not open when it is needed. */
async function install(): Promise<void> {
  const cache = await caches.open(cacheName(shell));
  try {
    await Promise.all(Object.entries(shell.files).map(async ([path, wanted]) => {
      const url = new URL(path, self.registration.scope).href;
      // what an older build has is taken when it is the same
      const old = await caches.match(url);
      const answer = old && (await isThat(old, wanted)) ? old : await fetch(url, { cache: "no-cache", credentials: "same-origin" });
      if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}`);
      if (answer !== old && !(await isThat(answer, wanted))) throw new Error(`${path} is of another build`);
      await cache.put(url, answer);
    }));
  } catch (error) {
    await caches.delete(cacheName(shell));
    throw error;
  }
}

async function page(request: Request): Promise<Response> {
  const kept = async () => (await caches.open(cacheName(shell))).match(new URL("index.html", self.registration.scope).href);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), PAGE_MS_MAX);
  try {
    const answer = await fetch(request.url, { signal: late.signal, cache: "no-cache", credentials: "same-origin" });
    if (answer.ok && !answer.redirected && (answer.headers.get("content-type") ?? "").startsWith("text/html")) return answer;
    return (await kept()) ?? answer;
  } catch {
    return (await kept()) ?? Response.error();
  } finally {
    clearTimeout(timer);
  }
}

async function file(request: Request, path: string): Promise<Response> {
  const url = new URL(path, self.registration.scope).href;
  const own = await (await caches.open(cacheName(shell))).match(url);
  return own ?? (await caches.match(url)) ?? fetch(request);
}

export function serveShell(): void {
  self.addEventListener("install", (event) => {
    event.waitUntil(install().then(() => self.skipWaiting()));
  });
  self.addEventListener("activate", (event) => {
    event.waitUntil((async () => {
      for (const name of outdated(await caches.keys(), shell)) await caches.delete(name);
      await self.clients.claim();
    })());
  });
  self.addEventListener("fetch", (event) => {
    const answer = answerFor(event.request, self.registration.scope, shell);
    if (answer.how === "page") event.respondWith(page(event.request));
    else if (answer.how === "file") event.respondWith(file(event.request, answer.path));
  });
  // A page asks whether it is of this build: { has: "assets/index-….js" }, with a port for the answer.
  self.addEventListener("message", (event) => {
    const data: unknown = event.data;
    if (typeof data !== "object" || data === null || !("has" in data) || typeof data.has !== "string") return;
    event.ports[0]?.postMessage({ has: Object.hasOwn(shell.files, data.has) });
  });
}
