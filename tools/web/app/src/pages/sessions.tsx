/** The account's sessions: what needs an answer stands out, the newest activity comes first, ended ones are folded away. */
import { hex } from "@libremote/link";
import { useMemo, useState } from "preact/hooks";
import { lazy } from "../frame/lazy.tsx";
import { PresenceBar } from "../presence/bar.tsx";
import { Icon } from "../parts/index.ts";
import { DeleteSession } from "../sessions/delete.tsx";
import { SessionItem } from "../sessions/item.tsx";
import { grouped, matches, useSettled } from "../sessions/order.ts";
import { signedOut } from "../presence/facts.ts";
import { facts } from "../state/link.ts";
import { listed, listFault, listKeptAt, sessions } from "../state/sessions.ts";

const FILTER_FROM = 9;
// Seldom shown.
const NoSessions = lazy(async () => (await import("../sessions/empty.tsx")).NoSessions);
const ListFault = lazy(async () => (await import("../sessions/list_fault.tsx")).ListFault);

export function SessionsPage() {
  const [filter, setFilter] = useState("");
  const [deleting, setDeleting] = useState<string | undefined>(undefined);
  const touched = useTouched();
  const all = useSettled(signedOut.value ? [] : sessions.value, touched);
  const groups = useMemo(() => grouped(all.filter((entry) => matches(entry, filter))), [all, filter]);
  const account = facts.value?.welcome?.principal?.account;
  const item = (entry: (typeof all)[number]) => <SessionItem key={hex(entry.sessionId)} entry={entry} onDelete={() => setDeleting(hex(entry.sessionId))} />;
  return (
    <div class="page sessions" {...touched.handlers}>
      <header class="page-head">
        <h1>Sessions</h1>
        {account && <span class="muted small one-line sessions-account"><bdi>{account}</bdi></span>}
        <a class="button quiet icon-only" href="#/devices" aria-label="Devices" title="Devices"><Icon name="devices" /></a>
        <a class="button quiet icon-only" href="#/settings" aria-label="Settings" title="Settings"><Icon name="settings" /></a>
      </header>
      <PresenceBar />
      <main class="page-body" data-testid="session-list" aria-busy={!listed.value && listKeptAt.value === undefined && !listFault.value}>
        {listFault.value && <ListFault />}
        {all.length >= FILTER_FROM && (
          <input type="search" class="sessions-filter" placeholder="Filter by title, host, folder, agent" aria-label="Filter sessions"
            value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        )}
        {listed.value && !listFault.value && !signedOut.value && sessions.value.length === 0 && <NoSessions />}
        {groups.open.length > 0 && <ul class="session-items">{groups.open.map(item)}</ul>}
        {filter !== "" && groups.open.length + groups.ended.length === 0 && <p class="muted">No session matches “{filter}”.</p>}
        {groups.ended.length > 0 && (
          <details class="sessions-ended" open={filter !== "" || groups.open.length === 0}>
            <summary>Ended <span class="muted">({groups.ended.length})</span></summary>
            <ul class="session-items">{groups.ended.map(item)}</ul>
          </details>
        )}
      </main>
      <DeleteSession id={deleting} onClose={() => setDeleting(undefined)} />
    </div>
  );
}

/** Is a finger on the list, or the keyboard in it? Then nothing may move under it. */
function useTouched() {
  const [held, setHeld] = useState(false);
  return {
    held,
    handlers: {
      onPointerDown: () => setHeld(true),
      onPointerUp: () => setTimeout(() => setHeld(false), 600),
      onPointerCancel: () => setTimeout(() => setHeld(false), 600),
      // by the keyboard: a mouse leaves the focus behind
      onFocusIn: (event: FocusEvent) => {
        if (event.target instanceof Element && event.target.matches(":focus-visible")) setHeld(true);
      },
      onFocusOut: () => setHeld(false),
    },
  };
}
