/** How high elements are, told at the end of a frame in which one has become another height. */

export class Sizes {
  readonly #told = new Map<Element, number>();
  readonly #observer: ResizeObserver | undefined;

  constructor(tell: (heights: ReadonlyMap<Element, number>) => void) {
    if (typeof ResizeObserver === "undefined") return;
    this.#observer = new ResizeObserver((entries) => {
      const heights = new Map<Element, number>();
      for (const entry of entries) heights.set(entry.target, entry.borderBoxSize[0]?.blockSize ?? entry.target.getBoundingClientRect().height);
      for (const [element, height] of heights) if (this.#told.has(element)) this.#told.set(element, height);
      tell(heights);
    });
  }

  watch(element: Element): void {
    this.#told.set(element, -1);
    this.#observer?.observe(element, { box: "border-box" }); // their padding counts, too
  }

  leave(element: Element): void {
    this.#told.delete(element);
    this.#observer?.unobserve(element);
  }

  /** Somebody has seen it at that height. If it is as high as it was told before when the frame ends, that is told again. */
  expect(element: Element, height: number): void {
    const told = this.#told.get(element);
    if (told === undefined || told < 0 || Math.abs(told - height) < 0.5) return;
    this.leave(element);
    this.watch(element);
  }

  end(): void {
    this.#told.clear();
    this.#observer?.disconnect();
  }
}
