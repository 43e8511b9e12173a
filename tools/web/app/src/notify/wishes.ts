/** What a person wants to be told of on this browser. Kept here; the relay has a copy for what it pushes. */
import { signal } from "@preact/signals";

export interface Wishes {
  /** A person has turned notifications on. */
  on: boolean;
  asks: boolean;
  done: boolean;
  errors: boolean;
  /** With titles and what is asked; they pass through the push service encrypted, and stand on the lock screen. */
  text: boolean;
  /** The hint to turn them on was closed. */
  hinted: boolean;
}

const KEY = "remote.notify";
const usual: Wishes = { on: false, asks: true, done: false, errors: true, text: false, hinted: false };

export function readWishes(text: string | null): Wishes {
  let found: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(text ?? "{}");
    if (typeof parsed === "object" && parsed !== null) found = parsed as Record<string, unknown>;
  } catch {
    // somebody else's, or cut: as usual
  }
  const wishes = { ...usual };
  for (const name of Object.keys(usual) as (keyof Wishes)[]) {
    const value = found[name];
    if (typeof value === "boolean") wishes[name] = value;
  }
  return wishes;
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is switched off
  }
}

export const wishes = signal<Wishes>(readWishes(stored()));

export function wish(change: Partial<Wishes>): void {
  wishes.value = { ...wishes.value, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(wishes.value));
  } catch {
    // for this visit only
  }
}

/** Another tab of this page has the same at once. */
export function followWishes(): void {
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) wishes.value = readWishes(event.newValue);
  });
}
