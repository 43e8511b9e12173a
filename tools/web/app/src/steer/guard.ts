/**
 * Nothing that has just appeared or moved under a thumb takes its tap. A button counts as ready 400 ms after it came and
 * after its last move; until then it says so (aria-disabled) and does nothing.
 */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RefObject } from "preact";

export const GUARD_MS = 400;
const MOVE_PX = 6;
const PRESSES = ["click", "keydown"] as const;

export interface Guard {
  ready: boolean;
  /** Also asked at the moment of the tap: true when it may count. */
  take(): boolean;
}

/** Where the large buttons are: they stay at the end of what is seen while the card scrolls below them. */
const boxOf = (card: HTMLElement | null): DOMRect | undefined => (card?.querySelector(".ask-big") ?? card)?.getBoundingClientRect();

/** `key` names what is shown: another one begins anew. */
export function useGuard(element: RefObject<HTMLElement | null>, key: string): Guard {
  const [ready, setReady] = useState(false);
  const place = useRef({ top: 0, left: 0 });
  const since = useRef(0);
  /** When the newest press or key was made: a busy page hears of it later, and by then the card has stood still for long. */
  const pressed = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const begin = useCallback(() => {
    since.current = performance.now();
    setReady(false);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setReady(true), GUARD_MS);
  }, []);

  /** Has it moved since it was looked at last? */
  const look = useCallback((): boolean => {
    const box = boxOf(element.current);
    if (!box) return false;
    const moved = Math.abs(box.top - place.current.top) > MOVE_PX || Math.abs(box.left - place.current.left) > MOVE_PX;
    if (moved) {
      place.current = { top: box.top, left: box.left };
      begin();
    }
    return moved;
  }, [begin, element]);

  useLayoutEffect(() => {
    const box = boxOf(element.current);
    if (box) place.current = { top: box.top, left: box.left };
    begin();
    return () => clearTimeout(timer.current);
  }, [key, begin, element]);

  // what is drawn anew beside it may move it
  useLayoutEffect(() => {
    look();
  });

  useEffect(() => {
    const sizes = new ResizeObserver(() => look());
    for (let at: HTMLElement | null = element.current; at && at !== document.body; at = at.parentElement) {
      for (const beside of at.parentElement?.children ?? []) sizes.observe(beside);
      if (at.classList.contains("session-main")) break;
    }
    const onScroll = () => look();
    const onPress = (event: Event) => (pressed.current = event.timeStamp);
    for (const name of PRESSES) addEventListener(name, onPress, { capture: true });
    document.addEventListener("scroll", onScroll, { capture: true, passive: true });
    addEventListener("resize", onScroll);
    return () => {
      sizes.disconnect();
      for (const name of PRESSES) removeEventListener(name, onPress, { capture: true });
      document.removeEventListener("scroll", onScroll, { capture: true });
      removeEventListener("resize", onScroll);
    };
  }, [key, look, element]);

  const take = useCallback(() => !look() && pressed.current - since.current >= GUARD_MS, [look]);
  return { ready, take };
}
