/** The devices page's data, fetched when it opens, when the link comes back, and after each change. */
import { effect, signal } from "@preact/signals";
import type { DeviceEntry, Invitation } from "@libremote/link/messages";
import { facts } from "../state/link.ts";
import { callWords, listDevices, listInvitations, readPolicy, type Policy } from "./calls.ts";

export const devices = signal<readonly DeviceEntry[] | undefined>(undefined);
export const invitations = signal<readonly Invitation[]>([]);
/** When the open invitations were listed: their times count from there. */
export const invitationsAt = signal(0);
export const policy = signal<Policy | undefined>(undefined);
export const fault = signal("");

const AGAIN_MS = 20_000;
let running: Promise<void> | undefined;
let again = false;

async function fetchAll(): Promise<void> {
  const [found, open, rules] = await Promise.all([listDevices(), listInvitations(), readPolicy()]);
  devices.value = found;
  invitations.value = open;
  invitationsAt.value = Date.now();
  policy.value = rules;
  fault.value = "";
}

/** Fetches it anew; what is asked for meanwhile is fetched after it. */
export function refresh(): Promise<void> {
  if (running) {
    again = true;
    return running;
  }
  running = fetchAll().catch((error: unknown) => {
    fault.value = callWords(error);
  }).finally(() => {
    running = undefined;
    if (again) {
      again = false;
      void refresh();
    }
  });
  return running;
}

/** While the page is shown; returns what ends it. */
export function watchDevices(): () => void {
  let live = false;
  const end = effect(() => {
    const now = facts.value?.phase === "live" && facts.value.welcome?.principal !== undefined;
    if (now && !live) void refresh();
    live = now;
  });
  // Others come and go without a word.
  const timer = setInterval(() => {
    if (live && document.visibilityState === "visible") void refresh();
  }, AGAIN_MS);
  return () => {
    end();
    clearInterval(timer);
    devices.value = undefined;
    fault.value = "";
  };
}
