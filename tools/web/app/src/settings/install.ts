/** Whether the browser offers to install the page, and doing it. */
import { signal } from "@preact/signals";

/** Chromium's event; other browsers have a menu for it. */
interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

export const installPrompt = signal<InstallPrompt | undefined>(undefined);

export function watchInstall(): void {
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault(); // offered in the settings, not over a session
    installPrompt.value = event as InstallPrompt;
  });
  window.addEventListener("appinstalled", () => (installPrompt.value = undefined));
}

export async function install(): Promise<void> {
  const offer = installPrompt.value;
  installPrompt.value = undefined;
  await offer?.prompt();
}

/** An iPhone or iPad, which call themselves other names, too. */
export const iOS = (): boolean => /iPhone|iPad|iPod/.test(navigator.userAgent) || (navigator.userAgent.includes("Macintosh") && navigator.maxTouchPoints > 1);

/** It runs in a window of its own. */
export const installed = (): boolean =>
  matchMedia("(display-mode: standalone)").matches || ("standalone" in navigator && navigator.standalone === true);
