/** The rows that are seen and some around them, in one scrolled box. */
import { useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Item } from "./items.ts";
import type { ListControl } from "./list_control.ts";
import type { TimelineStore } from "./store.ts";

export interface ListProps {
  store: TimelineStore;
  list: ListControl;
  row(item: Item): ComponentChildren;
  nameOf(item: Item): string;
  kindOf(item: Item): string;
}

export function List({ store, list, row, nameOf, kindOf }: ListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const above = useRef<HTMLDivElement>(null);
  const below = useRef<HTMLDivElement>(null);
  const floor = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => new Map<Element, Item>(), []);
  const fresh = useMemo(() => new Map<Element, Item>(), []);
  const observer = useMemo(() => (typeof ResizeObserver === "undefined" ? undefined : new ResizeObserver((entries) => {
    let news = false;
    for (const entry of entries) {
      const item = rows.get(entry.target);
      if (item) news = list.measured(item, entry.borderBoxSize[0]?.blockSize ?? entry.target.getBoundingClientRect().height) || news;
      else if (entry.target === scroller.current) news = true;
    }
    if (news) list.hold();
  })), [list]);

  void store.list.value;
  if (list.items !== store.model.items) list.setItems(store.model.items);
  const { start, end } = list.span.value;
  const shown = list.items.slice(start, end);
  const complete = store.complete;

  useLayoutEffect(() => {
    list.scroller = scroller.current ?? undefined;
    list.above = above.current ?? undefined;
    list.below = below.current ?? undefined;
    list.floor = floor.current ?? undefined;
    if (scroller.current) observer?.observe(scroller.current);
    list.toEnd();
    return () => {
      observer?.disconnect();
      list.scroller = list.above = list.below = list.floor = undefined;
    };
  }, [list]);

  // Rows that have just come are measured before they are seen; the observer tells of others.
  useLayoutEffect(() => {
    list.drawn = { start, end };
    let news = false;
    for (const [element, item] of fresh) news = list.measured(item, element.getBoundingClientRect().height) || news;
    fresh.clear();
    if (news) list.hold();
    else list.place();
    // A row that is another height now may have its old one again at the next frame, and nobody tells of that.
    if (list.unsure) requestAnimationFrame(() => list.place());
  });

  // A part that is not loaded comes into view: it is loaded.
  useSignalEffect(() => {
    const { start: from, end: to } = list.span.value;
    void store.list.value;
    if (store.loading.value || store.trouble.value) return;
    const gap = store.model.items.slice(from, to).findLast((item) => item.kind === "gap");
    if (gap) queueMicrotask(() => void store.load(gap.order + 1));
  });

  const step = (by: number) => {
    const focused = document.activeElement?.closest<HTMLElement>("[data-key]");
    const from = focused ? list.items.findIndex((item) => item.key === focused.dataset["key"]) : list.current - (by > 0 ? 1 : 0);
    const to = Math.max(0, Math.min(list.items.length - 1, from + by));
    const item = list.items[to];
    if (!item) return;
    const find = () => [...rows].find(([, one]) => one === item)?.[0] as HTMLElement | undefined;
    let element = find();
    const view = scroller.current!.getBoundingClientRect();
    const at = element?.getBoundingClientRect();
    if (!at || at.top < view.top || at.top > view.bottom - 40) list.show(item, false);
    element = find();
    if (element) element.focus({ preventScroll: true });
    else requestAnimationFrame(() => find()?.focus({ preventScroll: true }));
  };

  return (
    <div ref={scroller} class="tl-scroll" role="feed" aria-label="Conversation" aria-busy={store.loading.value ? "true" : "false"} tabIndex={0}
      onScroll={() => list.scrolled()}
      onKeyDown={(event) => {
        if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
        if ((event.target as Element).closest("input, textarea, select, [contenteditable]")) return;
        if (event.key === "j") step(1);
        else if (event.key === "k") step(-1);
        else if (event.key === "End") list.toEnd();
        else if (event.key === "Home") list.toStart();
        else return;
        event.preventDefault();
      }}>
      <div ref={above} aria-hidden="true" />
      {shown.map((item, index) => (
        <Row key={item.key} item={item} rows={rows} fresh={fresh} observer={observer} list={list} store={store}
          place={start + index + 1} size={complete ? list.items.length : -1} name={nameOf} kind={kindOf} row={row} />
      ))}
      <div ref={below} aria-hidden="true" />
      <div ref={floor} class="tl-floor" aria-hidden="true" />
    </div>
  );
}

interface RowProps {
  item: Item;
  rows: Map<Element, Item>;
  fresh: Map<Element, Item>;
  observer: ResizeObserver | undefined;
  list: ListControl;
  store: TimelineStore;
  place: number;
  size: number;
  name(item: Item): string;
  kind(item: Item): string;
  row(item: Item): ComponentChildren;
}

function Row({ item, rows, fresh, observer, list, store, place, size, name, kind, row }: RowProps) {
  const element = useRef<HTMLElement>(null);
  const children = useMemo(() => row(item), [item]); // what is in it follows the item's own signal
  void store.row(item.key).value;
  useLayoutEffect(() => {
    const it = element.current!;
    rows.set(it, item);
    fresh.set(it, item);
    observer?.observe(it, { box: "border-box" }); // its padding counts, too
    return () => {
      rows.delete(it);
      fresh.delete(it);
      observer?.unobserve(it);
    };
  }, [item]);
  const classes = ["tl-row", `kind-${item.kind}`, item.struck && "tl-struck", list.marked.value === item.key && "tl-marked", item.agentId && "tl-inner"];
  return (
    <article ref={element} class={classes.filter(Boolean).join(" ")} data-testid="timeline-item" data-kind={kind(item)} data-key={item.key}
      aria-posinset={place} aria-setsize={size} aria-label={name(item)} tabIndex={-1}>
      {children}
    </article>
  );
}
