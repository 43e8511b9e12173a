/** The account's sessions, newest activity first, as the relay tells them while it is connected. */
import { computed, signal } from "@preact/signals";
import { hex, type Connection } from "@libremote/link";
import type { SessionEntry } from "@libremote/link/messages";

const entries = signal<ReadonlyMap<string, SessionEntry>>(new Map());
/** The first listing has come. */
export const listed = signal(false);
export const sessions = computed(() =>
  [...entries.value.values()].sort((a, b) => Number(b.activityMs - a.activityMs)));
export const entryOf = (id: string): SessionEntry | undefined => entries.value.get(id);

/** Lists and follows, and again after each reconnection. */
export function watchSessions(connection: Connection): void {
  let live = false;
  const look = () => {
    const now = connection.facts.phase === "live" && connection.facts.welcome?.principal !== undefined;
    if (now === live) return;
    live = now;
    if (now) void follow(connection);
  };
  connection.onChange(look);
  look();
}

async function follow(connection: Connection): Promise<void> {
  const fresh = new Map<string, SessionEntry>();
  let complete = false;
  try {
    await connection.call({ case: "watchSessions", value: { $typeName: "remote.v1.WatchSessions" } }, (reply) => {
      if (reply.result.case === "session") {
        const entry = reply.result.value;
        const next = complete ? new Map(entries.value) : fresh;
        if (entry.removed) next.delete(hex(entry.sessionId));
        else next.set(hex(entry.sessionId), entry);
        if (complete) entries.value = next;
      } else if (reply.result.case === "done") {
        complete = true;
        entries.value = new Map(fresh);
        listed.value = true;
      }
    });
  } catch {
    // the carrier went: what was listed stays shown, with its age; it is listed anew at the next WELCOME
  }
}
