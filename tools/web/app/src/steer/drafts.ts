/** What is being written, a session each, kept over reloads. In this browser only. */
const PREFIX = "remote.draft.";
const DRAFTS_MAX = 50;

interface Kept {
  text: string;
  at: number;
}

export interface Storage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

function read(storage: Storage, key: string): Kept | undefined {
  try {
    const value: unknown = JSON.parse(storage.getItem(key) ?? "");
    if (typeof value !== "object" || value === null) return undefined;
    const { text, at } = value as Record<string, unknown>;
    return typeof text === "string" && typeof at === "number" ? { text, at } : undefined;
  } catch {
    return undefined;
  }
}

/** A browser that keeps nothing (private windows, full discs) is no fault: the draft lives as long as the page. */
export class Drafts {
  #storage: Storage | undefined;
  constructor(storage: Storage | undefined) {
    this.#storage = storage;
  }

  load(session: string): string {
    return (this.#storage && read(this.#storage, PREFIX + session)?.text) ?? "";
  }

  save(session: string, text: string, at: number): void {
    const storage = this.#storage;
    if (!storage) return;
    try {
      if (text === "") storage.removeItem(PREFIX + session);
      else storage.setItem(PREFIX + session, JSON.stringify({ text, at }));
      this.#bound(storage);
    } catch {
      // full: what is written stays in the page
    }
  }

  #bound(storage: Storage): void {
    const keys: string[] = [];
    for (let at = 0; at < storage.length; at++) {
      const key = storage.key(at);
      if (key?.startsWith(PREFIX)) keys.push(key);
    }
    if (keys.length <= DRAFTS_MAX) return;
    const oldest = keys.map((key) => ({ key, at: read(storage, key)?.at ?? 0 })).sort((a, b) => a.at - b.at);
    for (const { key } of oldest.slice(0, keys.length - DRAFTS_MAX)) storage.removeItem(key);
  }
}

function browserStorage(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}

export const drafts = new Drafts(browserStorage());
