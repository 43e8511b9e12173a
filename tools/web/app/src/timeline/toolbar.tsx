/** Above the conversation: search, jumps, and on narrow screens the plan and the facts. */
import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Dialog } from "../parts/dialog.tsx";
import { IconButton } from "../parts/button.tsx";
import { useEscape } from "../parts/escape.ts";
import { Icon, type IconName } from "../parts/icon.tsx";
import { clockTime, count } from "../parts/words.ts";
import { useScope } from "./context.ts";
import { stateOf } from "./fold.ts";
import type { Item } from "./items.ts";
import { SidePanel } from "./panel.tsx";
import { HITS_MAX, Search, type Hit, type SearchState } from "./search.ts";

const TYPING_MS = 250;

function stateWords(state: SearchState, hits: number, loaded: number): string {
  const found = hits >= HITS_MAX ? `the first ${HITS_MAX} hits` : count(hits, "hit");
  switch (state) {
    case "here":
      return "searching what is loaded";
    case "past":
      return `${found} in ${count(loaded, "event")}; searching further back`;
    case "stopped":
      return `${found} in ${count(loaded, "event")}; the rest was not searched`;
    case "done":
      return `${found}`;
    default:
      return "";
  }
}

export function Toolbar() {
  const { store, list, model } = useScope();
  const search = useMemo(() => new Search(store), [store]);
  const typing = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const results = useSignal(false);
  const sheet = useSignal(false);
  useEffect(() => () => search.stop(), [search]);
  const go = (hit: Hit | undefined, index: number) => {
    if (!hit) return;
    search.at.value = index;
    const item = store.find(hit.key);
    if (item) list.show(item);
    if (innerWidth < 700) results.value = false;
  };
  const step = (by: number) => {
    const { length } = search.hits.value;
    if (length === 0) return;
    const index = (search.at.value + by + length) % length;
    go(search.hits.value[index], index);
  };
  const state = search.state.value;
  const busy = state === "here" || state === "past";
  const clear = () => {
    search.clear();
    results.value = false;
    if (input.current) input.current.value = "";
  };
  const hits = useRef<HTMLDivElement>(null);
  useEscape(results.value && state !== "idle", hits, () => {
    clear();
    input.current?.focus();
  });
  return (
    <>
      <div class="tl-tools">
        <search class="tl-search">
          <Icon name="search" />
          <input ref={input} type="search" data-testid="search-input" aria-label="Search this session" placeholder="Search" autocomplete="off" spellcheck={false}
            enterkeyhint="search" maxLength={200}
            onFocus={() => {
              if (search.hits.value.length || busy) results.value = true;
            }}
            onInput={(event) => {
              const query = event.currentTarget.value;
              clearTimeout(typing.current);
              if (query.trim() === "") {
                search.clear();
                results.value = false;
                return;
              }
              typing.current = setTimeout(() => {
                results.value = true;
                void search.start(query);
              }, TYPING_MS);
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter") {
                event.preventDefault();
                if (event.currentTarget.value !== search.query.value) {
                  clearTimeout(typing.current);
                  results.value = true;
                  void search.start(event.currentTarget.value);
                } else step(event.shiftKey ? -1 : 1);
              } else if (event.key === "Escape") {
                event.preventDefault();
                search.stop();
                clear();
              }
            }} />
          {state !== "idle" && <IconButton icon="close" label="Leave the search" onClick={clear} />}
        </search>
        <JumpMenu />
        <IconButton icon="plan" label="Plan, usage and facts" class="tl-sheet-button" onClick={() => (sheet.value = true)} />
      </div>
      {results.value && state !== "idle" && (
        <div class="tl-results" ref={hits}>
          <div class="tl-results-head">
            <span class="small" role="status">{stateWords(state, search.hits.value.length, store.model.count)}</span>
            {busy && <button type="button" class="tl-more" onClick={() => search.stop()}>Stop</button>}
            {search.hits.value.length > 0 && (
              <>
                <IconButton icon="up" label="Newer hit" onClick={() => step(-1)} />
                <IconButton icon="down" label="Older hit" onClick={() => step(1)} />
              </>
            )}
            <IconButton icon="close" label="Hide the hits" onClick={() => (results.value = false)} />
          </div>
          <ol class="tl-hits">
            {search.hits.value.map((hit, index) => (
              <li key={hit.key}>
                <button type="button" class={`tl-hit${search.at.value === index ? " current" : ""}`} data-testid="search-hit" data-key={hit.key}
                  aria-current={search.at.value === index ? "true" : undefined} onClick={() => go(hit, index)}>
                  <span class="small muted">{hit.what}{hit.atMs ? ` · ${clockTime(hit.atMs)}` : ""}</span>
                  <span class="tl-hit-text" dir="auto">{hit.before}<mark>{hit.match}</mark>{hit.after}</span>
                </button>
              </li>
            ))}
          </ol>
          {state === "done" && search.hits.value.length === 0 && <p class="tl-note muted">Nothing found in this session.</p>}
        </div>
      )}
      <Dialog open={sheet.value} title="Plan, usage and facts" class="tl-sheet" onClose={() => (sheet.value = false)}>
        <SidePanel model={model} />
      </Dialog>
    </>
  );
}

const openMenu = signal(false);

function JumpMenu() {
  const { store, list } = useScope();
  const menu = useRef<HTMLDivElement>(null);
  const working = useSignal(false);
  useEscape(openMenu.value, menu, () => (openMenu.value = false));
  const stop = useRef(false);
  useEffect(() => {
    const away = (event: Event) => {
      if (openMenu.value && !menu.current?.contains(event.target as Node)) openMenu.value = false;
    };
    document.addEventListener("pointerdown", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      openMenu.value = false;
      stop.current = true;
    };
  }, []);
  const jump = (forward: boolean, wanted: (item: Item) => boolean): boolean => {
    const { items } = store.model;
    const here = list.current;
    const at = forward ? items.findIndex((item, index) => index > here + (list.following.value ? -1 : 0) && wanted(item))
      : items.findLastIndex((item, index) => index < here && wanted(item));
    const item = items[at];
    if (item) list.show(item);
    return item !== undefined;
  };
  const isPrompt = (item: Item) => item.kind === "user";
  const isOpenAsk = (item: Item) => item.is("ask") && !stateOf(item).resolved;
  const toStart = async () => {
    stop.current = false;
    working.value = true;
    await store.loadUntil(() => store.complete, () => !stop.current);
    working.value = false;
    if (!stop.current) list.toStart();
  };
  const entry = (icon: IconName, words: ComponentChildren, run: () => void) => (
    <button type="button" class="tl-jump" onClick={() => {
      openMenu.value = false;
      run();
    }}><Icon name={icon} /> {words}</button>
  );
  return (
    <div class="tl-menu" ref={menu}>
      {working.value
        ? <button type="button" class="button" onClick={() => {
          stop.current = true;
          store.cancelLoading();
        }}><span class="spinner" aria-hidden="true" /> {count(store.model.count, "event")} · Stop</button>
        : <IconButton icon="move" label="Jump to" aria-expanded={openMenu.value} onClick={() => (openMenu.value = !openMenu.value)} />}
      {openMenu.value && (
        <div class="tl-jumps">
          {entry("up", "Start of the session", () => void toStart())}
          {entry("person", "Previous prompt", () => {
            if (!jump(false, isPrompt)) void store.load();
          })}
          {entry("person", "Next prompt", () => {
            if (!jump(true, isPrompt)) list.toEnd();
          })}
          {entry("ask", "Open question", () => {
            if (!jump(true, isOpenAsk)) jump(false, isOpenAsk);
          })}
          {entry("to-end", "Latest", () => list.toEnd())}
        </div>
      )}
    </div>
  );
}
