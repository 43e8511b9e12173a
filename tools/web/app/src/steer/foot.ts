/** The large buttons stay at the end of what is seen, unless they would cover what must be read. */
import { useLayoutEffect } from "preact/hooks";
import type { RefObject } from "preact";

/** Of the height in which the card scrolls. */
const SHARE_MAX = 0.5;

export function useFoot(card: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const element = card.current;
    const scroller = element?.closest(".session-asks");
    if (!element || !scroller) return;
    const look = () => {
      const foot = element.querySelector<HTMLElement>(".ask-big");
      const height = foot?.offsetHeight ?? 0;
      const loose = height > SHARE_MAX * scroller.clientHeight;
      element.classList.toggle("loose-foot", loose);
      // what gets the focus is scrolled to where no button covers it
      element.style.setProperty("--foot", `${loose ? 0 : height}px`);
    };
    look();
    const sizes = new ResizeObserver(look);
    sizes.observe(scroller);
    sizes.observe(element);
    return () => sizes.disconnect();
  });
}
