/** Whose data this browser keeps. Everything kept is under an account of a relay, and is shown to nobody else. */
import { signal } from "@preact/signals";
import { notKept } from "./keeping.ts";

const KEY = "remote.account";
/** Two relays can live under one origin: the page's folder tells them apart. */
export const place = typeof document === "undefined" ? "" : new URL("./", document.baseURI).pathname;

function stored(): string | undefined {
  try {
    return localStorage.getItem(`${KEY}${place}`) ?? undefined;
  } catch (error) {
    notKept(error);
    return undefined; // storage is switched off
  }
}

/** The account that was last signed in here; undefined: nobody, so nothing kept is shown. */
export const keptAccount = signal<string | undefined>(stored());

export function keepAccount(account: string | undefined): void {
  if (account === keptAccount.value) return;
  keptAccount.value = account;
  try {
    if (account === undefined) localStorage.removeItem(`${KEY}${place}`);
    else localStorage.setItem(`${KEY}${place}`, account);
  } catch (error) {
    notKept(error); // for this visit only
  }
}

/** The name under which something of the present account is kept; undefined: nobody is signed in. */
export const keyOf = (what: string, id: string): string | undefined =>
  keptAccount.value === undefined ? undefined : `remote.${what}:${place}:${encodeURIComponent(keptAccount.value)}:${id}`;

/** Names of this account's things of one sort. */
export function keysOf(what: string): string[] {
  const prefix = keyOf(what, "");
  if (prefix === undefined) return [];
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

/** Everything that any account has kept in localStorage here. */
export function clearKeys(): void {
  try {
    for (const key of Object.keys(localStorage))
      if (/^remote\.(draft|sent):/.test(key) && key.includes(`:${place}:`)) localStorage.removeItem(key);
  } catch {
    // nothing is kept
  }
}
