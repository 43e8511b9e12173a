/** Now, once a second, by our clock and by the relay's; it stands still while nobody looks. */
import { computed, signal } from "@preact/signals";
import { facts } from "../state/link.ts";

export const now = signal(Date.now());
/** Unix ms of the relay: what its times are measured against. */
export const relayNow = computed(() => now.value + Math.round(facts.value?.clockOffset ?? 0));

let timer: ReturnType<typeof setTimeout> | undefined;
function tick(): void {
  now.value = Date.now();
  clearTimeout(timer);
  if (typeof document === "undefined" || document.visibilityState === "visible") timer = setTimeout(tick, 1000 - (Date.now() % 1000));
}
if (typeof document !== "undefined") {
  document.addEventListener("visibilitychange", tick);
  addEventListener("pageshow", tick);
  tick();
}
