/** Short news of the page itself, and what only a screen reader needs to hear. */
import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { route } from "../state/route.ts";
import { Button, IconButton } from "./button.tsx";

interface Toast {
  id: number;
  text: string;
  tone: "plain" | "good" | "bad";
  at: number;
  action?: { label: string; run(): void };
}

const TOASTS_MAX = 3;
const toasts = signal<readonly Toast[]>([]);
const polite = signal("");
const assertive = signal("");
let next = 1;

const drop = (id: number): void => {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
};

/** Shown for a while; one with an action stays until it is used or closed. */
export function toast(text: string, options: { tone?: Toast["tone"]; action?: Toast["action"]; ms?: number } = {}): () => void {
  const id = next++;
  const entry: Toast = { id, text, tone: options.tone ?? "plain", at: Date.now(), ...(options.action ? { action: options.action } : {}) };
  toasts.value = [...toasts.value.filter((other) => other.text !== text), entry].slice(-TOASTS_MAX);
  if (!options.action) setTimeout(() => drop(id), options.ms ?? Math.max(6000, 80 * text.length));
  return () => drop(id);
}

/** What was said of one page says nothing on the next one; what was said just before leaving belongs to where that led. */
const LEAVING_MS = 1_000;
let told = "";
effect(() => {
  const now = JSON.stringify({ ...route.value, ask: undefined });
  if (told !== "" && told !== now) toasts.value = toasts.peek().filter((entry) => entry.action || Math.abs(Date.now() - entry.at) < LEAVING_MS);
  told = now;
});

/** Says it to a screen reader. The same words twice are said twice. */
export function announce(text: string, how: "polite" | "assertive" = "polite"): void {
  const region = how === "assertive" ? assertive : polite;
  region.value = region.value === text ? `${text}\u00a0` : text;
}

export function Toasts() {
  const list = useRef<HTMLDivElement>(null);
  const newest = toasts.value.at(-1)?.id;
  // Above a dialog that is open: it is that dialog's news, most of the time.
  useEffect(() => {
    const shown = list.current;
    if (!shown?.showPopover) return;
    if (shown.matches(":popover-open")) shown.hidePopover();
    if (newest !== undefined) shown.showPopover();
  }, [newest]);
  return (
    <>
      <div class="hidden-words" role="status" aria-live="polite">{polite.value}</div>
      <div class="hidden-words" role="alert" aria-live="assertive">{assertive.value}</div>
      <div class="toasts" role="status" aria-live="polite" popover="manual" ref={list}>
        {toasts.value.map((entry) => (
          <div class={`toast ${entry.tone}`} key={entry.id}>
            <span>{entry.text}</span>
            {entry.action && (
              <Button kind="primary" onClick={() => {
                drop(entry.id);
                entry.action!.run();
              }}>{entry.action.label}</Button>
            )}
            <IconButton icon="close" label="Dismiss" onClick={() => drop(entry.id)} />
          </div>
        ))}
      </div>
    </>
  );
}
