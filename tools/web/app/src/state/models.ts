/** The models of sessions: one that still has commands on their way lives on after its page, until they have their end. */
import { effect } from "@preact/signals";
import type { Connection } from "@libremote/link";
import { mayLeave, orphans } from "../offline/journal.ts";
import { SessionModel } from "./session.ts";

interface Entry {
  model: SessionModel;
  users: number;
  end: () => void;
}

const entries = new Map<string, Entry>();
/** That many may wait without a page; a link has room for few sessions at a time. */
const WAITING_MAX = 8;

/** The session's model; give it back with releaseModel. */
export function takeModel(connection: Connection, id: string): SessionModel {
  let entry = entries.get(id);
  if (!entry) {
    const model = new SessionModel(connection, id);
    entry = { model, users: 0, end: () => {} };
    entries.set(id, entry);
  }
  entry.users++;
  return entry.model;
}

export function releaseModel(model: SessionModel | undefined): void {
  const entry = model && entries.get(model.id);
  if (!entry) return;
  entry.users--;
  look(entry);
}

function look(entry: Entry): void {
  entry.end();
  entry.end = () => {};
  if (entry.users > 0) return;
  const idle = [...entries.values()].filter((other) => other.users === 0);
  if (!entry.model.waits || entry.model.closed.value?.final || idle.length > WAITING_MAX) {
    entries.delete(entry.model.id);
    entry.model.close();
    return;
  }
  // Its commands' news and what it holds say when there is nothing left to wait for.
  const ends = [
    entry.model.onNews((news) => {
      if (news.kind === "command" || news.kind === "closed") queueMicrotask(() => look(entry));
    }),
    effect(() => {
      void entry.model.earlier.list.value;
      queueMicrotask(() => entry.users === 0 && !entry.model.waits && entries.get(entry.model.id) === entry && look(entry));
    }),
  ];
  entry.end = () => ends.forEach((end) => end());
}

/** What was composed without a network is sent when there is one, whichever page is shown. */
export function keepModels(connection: Connection): void {
  let live = false;
  const look = () => {
    const now = connection.facts.phase === "live" && connection.facts.welcome?.principal !== undefined;
    if (now === live) return;
    live = now;
    if (!now) return;
    mayLeave();
    void sendHeld(connection);
  };
  connection.onChange(look);
  look();
}

async function sendHeld(connection: Connection): Promise<void> {
  const sessions = new Set((await orphans()).filter((entry) => entry.here).map((entry) => entry.session));
  for (const id of [...sessions].slice(0, WAITING_MAX)) {
    const model = takeModel(connection, id);
    await model.earlier.look();
    releaseModel(model);
  }
}
