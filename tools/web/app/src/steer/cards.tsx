/** What waits for a person: one card unfolded, the others below it, how the last ones ended above. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { announce, count, IconButton, Icon } from "../parts/index.ts";
import type { SessionModel } from "../state/session.ts";
import { route } from "../state/route.ts";
import { askAnnouncement, askHeading, askKindName, askLine, askOutcomeName, resolutionWords } from "./ask-words.ts";
import { AskCard } from "./card.tsx";
import { ENDED_SHOWN_MS, steering, type AskEntry, type SteerStore } from "./store.ts";

/** Folded cards that are shown; the rest is counted. */
const FOLDED_MAX = 4;

function endWords(store: SteerStore, entry: AskEntry): string {
  const words = entry.resolved ? resolutionWords(entry.ask, entry.resolved, store.mine(entry))
    : "No longer open; how it ended was not seen here";
  return store.lost(entry) ? `Your answer did not count. ${words}` : words;
}

function Ended({ store, entry }: { store: SteerStore; entry: AskEntry }) {
  const mine = store.mine(entry);
  const lost = store.lost(entry);
  return (
    <div class="ask-ended">
      <Icon name={mine ? "check" : lost ? "warning" : "info"} />
      <p>
        <span class="ask-ended-words">{endWords(store, entry)}</span>
        <span class="ask-ended-line muted one-line">{askLine(entry.ask)}</span>
      </p>
      <IconButton icon="close" label="Dismiss" onClick={() => store.dismiss(entry.id)} />
    </div>
  );
}

function Folded({ store, entry }: { store: SteerStore; entry: AskEntry }) {
  return (
    <button type="button" class="ask-folded" aria-expanded="false" onClick={() => (store.chosen.value = entry.id)}>
      <Icon name="ask" />
      <span class="ask-folded-words">
        <span class="ask-folded-heading">{askHeading(entry.ask)}</span>
        <span class="muted one-line">{askLine(entry.ask)}</span>
      </span>
      {store.pendingAnswer(entry.id) && <span class="small muted">answered</span>}
      <Icon name="down" />
    </button>
  );
}

/** Each new ask is said once, also those that were open when the page was opened. */
function useAnnouncements(open: readonly AskEntry[]): void {
  const said = useRef(new Set<string>());
  useEffect(() => {
    const fresh = open.filter((entry) => !said.current.has(entry.id));
    for (const entry of fresh) said.current.add(entry.id);
    if (fresh.length === 1) announce(askAnnouncement(fresh[0]!.ask), "assertive");
    else if (fresh.length > 1) announce(`${fresh.length} questions wait. The first: ${askAnnouncement(fresh[0]!.ask)}`, "assertive");
  }, [open]);
}

/** How an ask ended is said once, politely; its line stays for a while. */
function useEnds(store: SteerStore, entries: readonly AskEntry[]): void {
  const said = useRef(new Set(store.ended.peek().map((entry) => entry.id)));
  const ended = store.ended.value;
  useEffect(() => {
    for (const entry of ended) {
      if (!entry.resolved || said.current.has(entry.id)) continue;
      said.current.add(entry.id);
      announce(endWords(store, entry));
    }
  }, [ended]);
  useEffect(() => {
    // that an answer did not count stays until somebody has taken note of it
    const timers = entries.filter((entry) => !entry.open && !store.lost(entry)).map((entry) => setTimeout(() => store.dismiss(entry.id),
      Math.max(0, entry.endedAt! + ENDED_SHOWN_MS - Date.now())));
    return () => timers.forEach(clearTimeout);
  }, [entries]);
}

export function AskCards({ model }: { model: SessionModel }) {
  const store = steering(model);
  const entries = store.entries.value;
  const open = store.open.value;
  const current = store.current.value;
  useAnnouncements(open);
  useEnds(store, entries);
  // a notification's link names the ask it is about
  const at = route.value;
  const named = at.page === "session" && at.id === model.id ? at.ask : undefined;
  const isOpen = named !== undefined && open.some((entry) => entry.id === named);
  useEffect(() => {
    if (isOpen) store.chosen.value = named;
  }, [named, isOpen]);
  const section = useRef<HTMLElement>(null);
  const focused = useRef(false);
  // a card that ends must not throw the keyboard out of the page
  useLayoutEffect(() => {
    if (focused.current && document.activeElement === document.body) section.current?.focus({ preventScroll: true });
  });
  if (entries.length === 0) return null;
  const folded = open.filter((entry) => entry.id !== current);
  const hidden = new Set(folded.slice(FOLDED_MAX).map((entry) => entry.id));
  return (
    <section class="ask-stack" aria-label="What the agent asks" ref={section} tabIndex={-1}
      onFocusIn={() => (focused.current = true)}
      onFocusOut={(event) => {
        if (event.relatedTarget instanceof Element) focused.current = section.current?.contains(event.relatedTarget) === true;
      }} onPointerDown={(event) => {
        if (event.pointerType !== "mouse") focused.current = false;
      }}>
      {open.length > 1 && <p class="asks-count" data-testid="ask-count">{count(open.length, "question")} wait for an answer</p>}
      <ul class="asks-list">
        {entries.filter((entry) => !hidden.has(entry.id)).map((entry) => {
          const state = entry.open ? (store.pendingAnswer(entry.id) ? "answering" : "open") : entry.resolved
            ? askOutcomeName(entry.resolved.outcome) : "ended";
          const shown = entry.open ? (entry.id === current ? "current" : "folded") : "ended";
          return (
            <li key={entry.id} class={`ask ${shown}`} data-testid="ask-card" data-ask={entry.id} data-kind={askKindName(entry.ask)}
              data-state={state}>
              {shown === "current" ? <AskCard store={store} entry={entry} alone={open.length === 1} />
                : shown === "folded" ? <Folded store={store} entry={entry} /> : <Ended store={store} entry={entry} />}
            </li>
          );
        })}
      </ul>
      {hidden.size > 0 && <p class="asks-count muted">{count(hidden.size, "more question")} below these</p>}
    </section>
  );
}
