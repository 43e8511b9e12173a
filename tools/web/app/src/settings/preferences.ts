/** What a person chose for this browser: colours and text size. Kept in localStorage; without it, for this visit. */
import { effect, signal } from "@preact/signals";

export const themes = ["system", "light", "dark"] as const;
export const textSizes = ["small", "normal", "large", "larger"] as const;
export type Theme = (typeof themes)[number];
export type TextSize = (typeof textSizes)[number];

/** --bg of style/tokens.css. */
const LIGHT_GROUND = "#f6f6f4";
const DARK_GROUND = "#131416";
const KEY = "remote.preferences";

export function readPreferences(text: string | null): { theme: Theme; textSize: TextSize } {
  let found: { theme?: unknown; textSize?: unknown } = {};
  try {
    const parsed: unknown = JSON.parse(text ?? "{}");
    if (typeof parsed === "object" && parsed !== null) found = parsed;
  } catch {
    // somebody else's, or cut: the defaults
  }
  return {
    theme: themes.find((one) => one === found.theme) ?? "system",
    textSize: textSizes.find((one) => one === found.textSize) ?? "normal",
  };
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is switched off
  }
}

const initial = readPreferences(stored());
export const theme = signal<Theme>(initial.theme);
export const textSize = signal<TextSize>(initial.textSize);

/** Puts them on the page and keeps them; call once. */
export function applyPreferences(): void {
  effect(() => {
    const root = document.documentElement;
    if (theme.value === "system") delete root.dataset["theme"];
    else root.dataset["theme"] = theme.value;
    // The bars of the browser around the page, too.
    for (const meta of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) {
      const dark = theme.value === "system" ? meta.media.includes("dark") : theme.value === "dark";
      meta.content = dark ? DARK_GROUND : LIGHT_GROUND;
    }
    if (textSize.value === "normal") delete root.dataset["text"];
    else root.dataset["text"] = textSize.value;
    try {
      localStorage.setItem(KEY, JSON.stringify({ theme: theme.value, textSize: textSize.value }));
    } catch {
      // for this visit only
    }
  });
  // Another tab of this page has the same settings at once.
  window.addEventListener("storage", (event) => {
    if (event.key !== KEY) return;
    const other = readPreferences(event.newValue);
    theme.value = other.theme;
    textSize.value = other.textSize;
  });
}
