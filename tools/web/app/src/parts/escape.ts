/** Escape closes what was opened last and is no dialog (those do it themselves); the focus goes back to what opened it. */
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface Popup {
  root: RefObject<HTMLElement | null>;
  opener: HTMLElement | undefined;
  close(): void;
}

const opened: Popup[] = [];

/** In a field Escape is the field's own, unless that stands in the popup. */
function isFor(target: EventTarget | null, root: HTMLElement | null): boolean {
  if (!(target instanceof Element)) return true;
  return root?.contains(target) === true || !target.matches("input, textarea, select");
}

function onKey(event: KeyboardEvent): void {
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  const last = opened.findLast((popup) => isFor(event.target, popup.root.current));
  if (!last) return;
  event.preventDefault();
  const held = document.activeElement;
  const inside = !held || held === document.body || last.root.current?.contains(held);
  const back = last.opener?.isConnected ? last.opener : last.root.current?.querySelector<HTMLElement>("[aria-expanded=true]");
  last.close();
  if (inside) back?.focus();
}

/** `root` holds the popup and what opens it. */
export function useEscape(open: boolean, root: RefObject<HTMLElement | null>, close: () => void): void {
  const closing = useRef(close);
  closing.current = close;
  // before the next key can be pressed: what has the focus now is what opened it
  useLayoutEffect(() => {
    if (!open) return;
    const held = document.activeElement;
    const opener = held instanceof HTMLElement && root.current?.contains(held) ? held : undefined;
    const popup: Popup = { root, opener, close: () => closing.current() };
    if (opened.push(popup) === 1) document.addEventListener("keydown", onKey);
    return () => {
      opened.splice(opened.indexOf(popup), 1);
      if (opened.length === 0) document.removeEventListener("keydown", onKey);
    };
  }, [open]);
}
