/** The account's sessions, newest activity first, as the relay tells them while it is connected. */
import { computed, effect, signal } from "@preact/signals";
import { CallError, hex, type Connection } from "@libremote/link";
import type { Problem, SessionEntry } from "@libremote/link/messages";
import { keptAccount } from "../offline/keys.ts";
import { keepList, keptList } from "../offline/store.ts";

const entries = signal<ReadonlyMap<string, SessionEntry>>(new Map());
/** The first listing has come. */
export const listed = signal(false);
/** What is listed was kept in this browser and is as of then, Unix ms; undefined: it comes from the relay. */
export const listKeptAt = signal<number | undefined>(undefined);
export const sessions = computed(() =>
  [...entries.value.values()].sort((a, b) => Number(b.activityMs - a.activityMs)));
export const entryOf = (id: string): SessionEntry | undefined => entries.value.get(id);

const KEEP_MS = 2_000;

/** Why the relay does not list, though it is there; `since`: what is shown is as of then, Unix ms. */
export const listFault = signal<{ problem: Problem | undefined; since: number } | undefined>(undefined);

const AGAIN_MS_MIN = 2_000;
const AGAIN_MS_MAX = 60_000;
let tryAgain = (): void => {};
/** A person does not wait. */
export const listAgain = (): void => tryAgain();

/** Lists and follows, and again after each reconnection, or when the relay has said no. */
export function watchSessions(connection: Connection): void {
  let live = false;
  let stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const begin = (failures: number) => {
    clearTimeout(timer);
    stop.abort();
    const { signal: ended } = (stop = new AbortController());
    void follow(connection, ended).then((problem) => {
      // the carrier went: what was listed stays shown, with its age; it is listed anew at the next WELCOME
      if (ended.aborted || connection.facts.phase !== "live") return;
      const failed = listFault.value === undefined ? 1 : failures + 1;
      listFault.value = { problem, since: listFault.value?.since ?? Date.now() };
      const wait = Math.max(Number(problem?.retryAfterMs ?? 0n), Math.min(AGAIN_MS_MAX, AGAIN_MS_MIN * 2 ** (failed - 1)));
      timer = setTimeout(() => begin(failed), Math.min(wait, 0x7fffffff));
    });
  };
  const look = () => {
    const now = connection.facts.phase === "live" && connection.facts.welcome?.principal !== undefined;
    if (now === live) return;
    live = now;
    clearTimeout(timer);
    if (now) begin(0);
    else listFault.value = undefined;
  };
  tryAgain = () => {
    if (live && listFault.value) begin(0);
  };
  connection.onChange(look);
  look();
}

/** Shows the list as it was last seen until there is a newer one, and keeps what comes. Another account begins with nothing. */
export function keepSessions(): void {
  let account = keptAccount.value;
  const show = async () => {
    const kept = await keptList();
    if (!kept || listed.value || account !== keptAccount.value) return;
    entries.value = new Map(kept.entries.map((entry) => [hex(entry.sessionId), entry]));
    listKeptAt.value = kept.at;
  };
  void show();
  effect(() => {
    if (keptAccount.value === account) return;
    account = keptAccount.value;
    entries.value = new Map();
    listed.value = false;
    listKeptAt.value = undefined;
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    void entries.value;
    if (listed.value) timer ??= setTimeout(() => {
      timer = undefined;
      if (listed.value) void keepList(sessions.value);
    }, KEEP_MS);
  });
}

/** Until it ends, which it does not while all is well: why. */
async function follow(connection: Connection, ended: AbortSignal): Promise<Problem | undefined> {
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
        listKeptAt.value = undefined;
        listFault.value = undefined;
      }
    }, ended);
  } catch (error) {
    return error instanceof CallError ? error.problem : undefined;
  }
  return undefined;
}
