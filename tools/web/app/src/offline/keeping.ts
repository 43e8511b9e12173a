/** Whether this browser keeps anything: private windows, blocked site data and full disks do not. */
import { signal } from "@preact/signals";

/** none: it refuses to; full: there is no room. */
export const keeping = signal<"all" | "none" | "full">("all");

/** What the browser said when something was to be kept. */
export function notKept(error?: unknown): void {
  const full = typeof error === "object" && error !== null && "name" in error && error.name === "QuotaExceededError";
  if (keeping.peek() !== "none") keeping.value = full ? "full" : "none";
}

export function keepingWords(now: "none" | "full"): string {
  return now === "full" ? "This browser has no room left for this page" : "This browser keeps nothing for this page (a private window, or its settings)";
}
