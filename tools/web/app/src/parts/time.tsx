/** A time, told relatively and kept current; its title has all of it. */
import { computed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { relayNow } from "./clock.ts";
import { ago, duration, fullTime } from "./words.ts";

const stamp = (at: number): string | undefined => (Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : undefined);

/** `at`: Unix ms of the relay or the host. "3 min ago", or with `since` how long it has lasted: "3 min". */
export function RelativeTime({ at, since, class: extra }: { at: number | bigint; since?: boolean; class?: string }) {
  const when = Number(at);
  const text = useMemo(() => computed(() => (since ? duration(relayNow.value - when) : ago(when, relayNow.value))), [when, since]);
  return <time class={extra} dir="auto" dateTime={stamp(when)} title={fullTime(when)}>{text}</time>;
}
