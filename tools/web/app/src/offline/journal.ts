/**
 * The commands that this browser has given and whose end is not known. A page that is loaded anew cannot know whether
 * they were sent; so it never sends them again by itself, but asks what became of them. Only what certainly never left
 * this browser is sent later.
 */
import { signal } from "@preact/signals";
import { notKept } from "./keeping.ts";
import { keyOf, keysOf } from "./keys.ts";

export interface JournalEntry {
  session: string;
  /** The command's id in hex; of what has none yet, one of our own. */
  id: string;
  /** Command.body.case. */
  kind: string;
  /** What a person recognises it by. */
  text: string;
  /** The encoded Command, base64; "": too long to be kept. */
  command: string;
  at: number;
  /** The page that gave it, and its model of the session; a page that comes back to a session has another one. */
  page: string;
  model: string;
  /** It never left this browser: there has been no connection since it was given. */
  here: boolean;
  /** The relay has said that it has stored it. */
  stored: boolean;
}

export const TEXT_CHARACTERS_MAX = 200;
const COMMAND_CHARACTERS_MAX = 200 * 1024;
const ENTRIES_MAX = 128;

const random = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

/** Names this page; a reload is another one. */
export const page = random();
/** Counts the changes, of other tabs too. */
export const journalChanges = signal(0);

/** Models of this page that still answer for what they were given. */
const models = new Set<string>();
export function newModel(): string {
  const model = random();
  models.add(model);
  return model;
}
/** What it was given and has no end is asked about by the next one. */
export function endModel(model: string): void {
  if (models.delete(model)) journalChanges.value++;
}

/** Others see by this lock that this page lives; it goes with the page, however that ends. */
let locked = false;
function live(): void {
  if (locked || typeof navigator === "undefined" || !("locks" in navigator)) return;
  locked = true;
  void navigator.locks.request(`remote.page.${page}`, () => new Promise(() => {})).catch(() => {});
}

if (typeof window !== "undefined")
  window.addEventListener("storage", (event) => {
    if (event.key === null || event.key.startsWith("remote.sent:")) journalChanges.value++;
  });

function parse(text: string | null): JournalEntry | undefined {
  try {
    const found = JSON.parse(text ?? "null") as Partial<JournalEntry> | null;
    if (!found || typeof found.session !== "string" || typeof found.id !== "string" || !/^[0-9a-f]{32}$/.test(found.id)) return undefined;
    return {
      session: found.session, id: found.id, kind: String(found.kind ?? ""), text: String(found.text ?? ""), command: String(found.command ?? ""),
      at: Number(found.at ?? 0), page: String(found.page ?? ""), model: String(found.model ?? ""),
      here: found.here === true, stored: found.stored === true,
    };
  } catch {
    return undefined;
  }
}

function entries(): JournalEntry[] {
  const found = keysOf("sent").map((key) => parse(localStorage.getItem(key)));
  return found.filter((entry) => entry !== undefined).sort((a, b) => a.at - b.at);
}

function write(entry: JournalEntry): boolean {
  const key = keyOf("sent", entry.id);
  if (key === undefined) return false;
  try {
    localStorage.setItem(key, JSON.stringify(entry));
    journalChanges.value++;
    return true;
  } catch (error) {
    notKept(error);
    return false; // after a reload this page will not remember it
  }
}

/** Keeps a command before anything of it is sent. False: it could not be kept. */
export function journal(entry: Omit<JournalEntry, "page" | "stored">): boolean {
  live();
  const bounded = {
    ...entry, page, stored: false,
    text: entry.text.slice(0, TEXT_CHARACTERS_MAX),
    command: entry.command.length > COMMAND_CHARACTERS_MAX ? "" : entry.command,
  };
  for (const old of entries().slice(0, -ENTRIES_MAX)) forget(old.id);
  return write(bounded) || write({ ...bounded, command: "" });
}

/** Holds a prompt that cannot be given to a session yet; its id here. undefined: it could not be kept. */
export function hold(entry: Omit<JournalEntry, "page" | "model" | "stored" | "here" | "id">): string | undefined {
  const id = random();
  return journal({ ...entry, id, model: "", here: true }) ? id : undefined;
}

export function readEntry(id: string): JournalEntry | undefined {
  const key = keyOf("sent", id);
  try {
    return key === undefined ? undefined : parse(localStorage.getItem(key));
  } catch {
    return undefined;
  }
}

/** Its end is known, or nobody wants to know. */
export function forget(id: string): void {
  const key = keyOf("sent", id);
  try {
    if (key === undefined || localStorage.getItem(key) === null) return;
    localStorage.removeItem(key);
    journalChanges.value++;
  } catch {
    // nothing is kept
  }
}

/** The relay has it. */
export function stored(id: string): void {
  const entry = readEntry(id);
  if (entry && !entry.stored) write({ ...entry, stored: true, here: false });
}

/** There is a connection: what this page has given to its link may leave from now on. */
export function mayLeave(): void {
  for (const entry of entries()) if (entry.here && entry.page === page && models.has(entry.model)) write({ ...entry, here: false });
}

/** Commands that no living page answers for: earlier pages', ended models', and what this page holds. */
export async function orphans(session?: string): Promise<JournalEntry[]> {
  const found = entries().filter((entry) => (session === undefined || entry.session === session) && !models.has(entry.model));
  if (found.every((entry) => entry.page === page) || typeof navigator === "undefined" || !("locks" in navigator)) return found;
  const state = await navigator.locks.query();
  const living = new Set((state.held ?? []).map((lock) => lock.name));
  return found.filter((entry) => entry.page === page || !living.has(`remote.page.${entry.page}`));
}

/** Takes an entry for this page alone, once: true in one page only. Without locks nothing of another page is taken by itself. */
export async function claim(entry: JournalEntry, use: () => void): Promise<boolean> {
  if (entry.page === page) {
    if (readEntry(entry.id)) use();
    return true;
  }
  if (typeof navigator === "undefined" || !("locks" in navigator)) return false;
  return navigator.locks.request(`remote.claim.${entry.id}`, { ifAvailable: true }, (lock) => {
    if (!lock || !readEntry(entry.id)) return false;
    use();
    return true;
  });
}
