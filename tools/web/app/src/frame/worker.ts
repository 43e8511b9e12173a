/** Registers the service worker, looks for newer versions of the page, and says when one is ready. */
import { signal } from "@preact/signals";
import type { Connection } from "@libremote/link";
import { toast } from "../parts/toast.tsx";
import { go } from "../state/route.ts";

/** A page that is left open for days looks for a newer version when it is looked at again. */
const UPDATE_MS = 15 * 60_000;

/** A click on a notification leads somewhere, whatever this page is doing: it answers, or another one is opened. */
export function followWorker(): void {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  workers?.addEventListener("message", (event: MessageEvent<unknown>) => {
    const { data } = event;
    if (typeof data !== "object" || data === null || !("go" in data) || typeof data.go !== "string" || !data.go.startsWith("#/")) return;
    go(data.go);
    event.ports[0]?.postMessage(true);
  });
  workers?.startMessages();
}

/** The browser has refused the page's worker: no opening without a network, no notifications. */
export const workerRefused = signal(false);

export function registerWorker(connection: Connection): void {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (!workers) return; // plain HTTP from elsewhere, or switched off: everything but opening without a network works
  let said = false;
  workers.addEventListener("controllerchange", () => {
    void isOfThisBuild(workers.controller).then((current) => {
      if (current || said) return;
      said = true;
      toast("A new version of this page is ready.", { action: { label: "Reload", run: () => location.reload() } });
    });
  });
  workers.register("./sw.js", { scope: "./", updateViaCache: "none" }).then((registration) => {
    let looked = Date.now();
    let lost = false;
    const look = () => {
      looked = Date.now();
      registration.update().catch(() => {}); // the next time will do
    };
    // A relay that was away may have come back with another page.
    connection.onChange((facts) => {
      if (facts.phase === "live") {
        if (lost) look();
        lost = false;
      } else if (facts.failures > 0) lost = true;
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && Date.now() - looked > UPDATE_MS) look();
    });
  }, (error: unknown) => {
    workerRefused.value = true;
    console.warn("the page will not open without a network:", error);
  });
}

function isOfThisBuild(worker: ServiceWorker | null): Promise<boolean> {
  const script = document.querySelector<HTMLScriptElement>("script[type=module]");
  if (!worker || !script) return Promise.resolve(true);
  const has = script.src.slice(new URL("./", document.baseURI).href.length);
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = (event: MessageEvent<{ has?: unknown }>) => resolve(event.data.has === true);
    worker.postMessage({ has }, [channel.port2]);
  });
}
