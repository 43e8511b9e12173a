/** What was loaded, kept for reading it without a network: the list of sessions, and the ends of those that were opened. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { SessionNews } from "@libremote/link";
import { SessionEntrySchema, type SessionEntry } from "@libremote/link/messages";
import { all, change, clearDatabase, get } from "./database.ts";
import { clearKeys, keepAccount, keptAccount, place } from "./keys.ts";
import { Recording, replay } from "./recording.ts";

const SESSIONS_MAX = 12;
const ENTRIES_MAX = 256;
const KEEP_MS = 3_000;

/** Parts of the keys of the present account; undefined: nobody is signed in. */
const owner = (): string[] | undefined => (keptAccount.value === undefined ? undefined : [place, keptAccount.value]);

// ---- the list ----

export async function keepList(entries: readonly SessionEntry[], now = Date.now()): Promise<void> {
  const key = owner();
  if (!key) return;
  const value = { at: now, entries: entries.slice(0, ENTRIES_MAX).map((entry) => toBinary(SessionEntrySchema, entry)) };
  await change([{ store: "lists", key, value }]);
}

/** The list as it was when it was last seen. */
export async function keptList(): Promise<{ at: number; entries: SessionEntry[] } | undefined> {
  const key = owner();
  const value = key && (await get("lists", key));
  if (typeof value !== "object" || value === null || !("entries" in value) || !Array.isArray(value.entries)) return undefined;
  try {
    const entries = value.entries.map((raw: Uint8Array) => fromBinary(SessionEntrySchema, raw));
    return { at: "at" in value && typeof value.at === "number" ? value.at : 0, entries };
  } catch {
    return undefined; // another layout, or damaged
  }
}

// ---- sessions ----

/** Keeps what a session tells, a while after it was told. */
export class Keeper {
  #recording: Recording;
  #session: string;
  /** Of several pages on one session the one that wrote last is read; their chunks are never mixed. */
  #run = crypto.randomUUID?.() ?? String(Math.random());
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #started = false;

  /** `base`: the session's state, as a snapshot set. */
  constructor(session: string, base: () => Uint8Array[]) {
    this.#session = session;
    this.#recording = new Recording(base);
    if (typeof document !== "undefined") document.addEventListener("visibilitychange", this.#hidden);
  }

  take(news: SessionNews): void {
    if (this.#recording.take(news)) this.#timer ??= setTimeout(() => this.flush(), KEEP_MS);
  }

  /** Writes what is not written yet. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { write, remove } = this.#recording.changes();
    const key = owner();
    if (!key || (write.length === 0 && remove.length === 0)) return;
    const at = [...key, this.#session];
    const head = { store: "sessions" as const, key: at, value: { at: Date.now(), run: this.#run } };
    const changes = [
      head,
      ...remove.map((number) => ({ store: "chunks" as const, key: [...at, this.#run, number] })),
      ...write.map(({ number, chunk }) => ({ store: "chunks" as const, key: [...at, this.#run, number], value: chunk })),
    ];
    this.#writing = this.#writing.then(async () => {
      // What an earlier visit kept goes in the same step: a page that is closed in between has one or the other.
      const former = this.#started ? [] : await goneWith(key, this.#session);
      this.#started = true;
      await change([...former, ...changes]);
      await dropOldest(key);
    });
  }

  close(): void {
    this.flush();
    document.removeEventListener("visibilitychange", this.#hidden);
  }

  #hidden = (): void => {
    if (document.visibilityState === "hidden") this.flush();
  };
}

async function goneWith(key: readonly string[], session: string): Promise<Parameters<typeof change>[0]> {
  const chunks = await all("chunks", [...key, session]);
  return [{ store: "sessions", key: [...key, session] }, ...chunks.map((chunk) => ({ store: "chunks" as const, key: chunk.key }))];
}

async function dropSession(key: readonly string[], session: string): Promise<void> {
  await change(await goneWith(key, session));
}

async function dropOldest(key: readonly string[]): Promise<void> {
  const heads = await all("sessions", key);
  if (heads.length <= SESSIONS_MAX) return;
  const at = (value: unknown): number => (typeof value === "object" && value !== null && "at" in value && typeof value.at === "number" ? value.at : 0);
  const oldest = heads.sort((a, b) => at(b.value) - at(a.value)).slice(SESSIONS_MAX);
  for (const head of oldest) if (Array.isArray(head.key)) await dropSession(key, String(head.key[head.key.length - 1]));
}

/** What is kept of a session, as it would have told it. */
export async function keptSession(session: string): Promise<{ at: number; news: SessionNews[] } | undefined> {
  const key = owner();
  if (!key) return undefined;
  const head = await get("sessions", [...key, session]);
  if (typeof head !== "object" || head === null || !("at" in head) || typeof head.at !== "number" || !("run" in head)) return undefined;
  const news = replay((await all("chunks", [...key, session, String(head.run)])).map((chunk) => chunk.value));
  return news.length > 0 ? { at: head.at, news } : undefined;
}

/** A deleted session is not kept either. */
export async function forgetSession(session: string): Promise<void> {
  const key = owner();
  if (key) await dropSession(key, session);
}

/** How many sessions of this account are kept. */
export async function keptSessions(): Promise<number> {
  const key = owner();
  return key ? (await all("sessions", key)).length : 0;
}

/** What was loaded, not what was written. */
export const clearReading = clearDatabase;

/** At sign-out: everything that any account has kept in this browser. */
export async function clear(): Promise<void> {
  clearKeys();
  keepAccount(undefined);
  await clearDatabase();
}
