/** What is being written, kept per session until it is sent. */
import { notKept } from "./keeping.ts";
import { keyOf, keysOf } from "./keys.ts";

/** A prompt's own limit; a longer text is not kept. */
export const DRAFT_BYTES_MAX = 128 * 1024;
const DRAFTS_MAX = 32;

interface Kept {
  at: number;
  text: string;
}

function read(key: string): Kept | undefined {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    if (typeof found === "object" && found !== null && "text" in found && typeof found.text === "string")
      return { text: found.text, at: "at" in found && typeof found.at === "number" ? found.at : 0 };
  } catch {
    // storage is off, or somebody else wrote there
  }
  return undefined;
}

/** The draft of a session; "" when there is none. */
export function readDraft(session: string): string {
  const key = keyOf("draft", session);
  return key === undefined ? "" : (read(key)?.text ?? "");
}

/** Keeps it; an empty one is dropped. The oldest drafts go when there are too many. */
export function writeDraft(session: string, text: string, now = Date.now()): void {
  const key = keyOf("draft", session);
  if (key === undefined) return;
  try {
    if (text === "") {
      localStorage.removeItem(key);
      return;
    }
    if (text.length > DRAFT_BYTES_MAX) return;
    localStorage.setItem(key, JSON.stringify({ at: now, text }));
    const all = keysOf("draft").map((name) => ({ name, at: read(name)?.at ?? 0 })).sort((a, b) => b.at - a.at);
    for (const old of all.slice(DRAFTS_MAX)) localStorage.removeItem(old.name);
  } catch (error) {
    notKept(error); // it stays in the box
  }
}
