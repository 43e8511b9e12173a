/** Short news of the page itself, and what only a screen reader needs to hear. */
import { signal } from "@preact/signals";
import { Button, IconButton } from "./button.tsx";

interface Toast {
  id: number;
  text: string;
  tone: "plain" | "good" | "bad";
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
  const entry: Toast = { id, text, tone: options.tone ?? "plain", ...(options.action ? { action: options.action } : {}) };
  toasts.value = [...toasts.value.filter((other) => other.text !== text), entry].slice(-TOASTS_MAX);
  if (!options.action) setTimeout(() => drop(id), options.ms ?? Math.max(6000, 80 * text.length));
  return () => drop(id);
}

/** Says it to a screen reader. The same words twice are said twice. */
export function announce(text: string, how: "polite" | "assertive" = "polite"): void {
  const region = how === "assertive" ? assertive : polite;
  region.value = region.value === text ? `${text}\u00a0` : text;
}

export function Toasts() {
  return (
    <>
      <div class="hidden-words" role="status" aria-live="polite">{polite.value}</div>
      <div class="hidden-words" role="alert" aria-live="assertive">{assertive.value}</div>
      <div class="toasts" role="status" aria-live="polite">
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
