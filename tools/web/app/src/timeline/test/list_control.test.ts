import { describe, expect, test } from "vitest";
import { Item } from "../items.ts";
import { ListControl } from "../list_control.ts";
import { random } from "./make.ts";

const items = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => {
  const item = new Item("assistant", `a:${from + i}`) as Item;
  item.order = from + i;
  return item;
});

interface Block {
  style: { blockSize: string; insetBlockStart: string };
}

/**
 * A scrolled box as browsers have it: when it is laid out it stands no lower than its content allows, and who listens is told of that,
 * and of all other scrolling, at the next frame, when much may have happened since.
 */
class Box {
  readonly list = new ListControl(() => 0);
  readonly real = new Map<Item, number>();
  rows: Item[] = [];
  view = 600;
  #seenView = 0;
  #top = 0;
  #news = false;
  readonly #above: Block = { style: { blockSize: "0px", insetBlockStart: "" } };
  readonly #below: Block = { style: { blockSize: "0px", insetBlockStart: "" } };
  readonly #floor: Block = { style: { blockSize: "", insetBlockStart: "0px" } };

  constructor(count: number) {
    const box = this;
    const { list } = this;
    list.scroller = {
      get clientHeight() {
        return box.view;
      },
      get scrollHeight() {
        box.layout();
        return Math.max(box.view, box.height);
      },
      get scrollTop() {
        box.layout();
        return box.#top;
      },
      set scrollTop(value: number) {
        box.scrollTo(value);
      },
    } as unknown as HTMLElement;
    list.above = this.#above as unknown as HTMLElement;
    list.below = { ...this.#below, get offsetTop() {
      return box.natural - parseFloat(box.#below.style.blockSize);
    }, get offsetHeight() {
      return parseFloat(box.#below.style.blockSize);
    } } as unknown as HTMLElement;
    list.floor = this.#floor as unknown as HTMLElement;
    this.render(items(0, count));
    list.toEnd();
    this.frame();
  }

  get natural(): number {
    return parseFloat(this.#above.style.blockSize) + this.rows.reduce((sum, row) => sum + this.heightOf(row), 0) + parseFloat(this.#below.style.blockSize);
  }
  get height(): number {
    return Math.max(this.natural, parseFloat(this.#floor.style.insetBlockStart) + 1);
  }
  heightOf(row: Item): number {
    return this.real.get(row) ?? 80;
  }
  layout(): void {
    this.scrollTo(this.#top);
  }
  scrollTo(top: number): void {
    const to = Math.max(0, Math.min(top, this.height - this.view));
    if (to !== this.#top) this.#news = true;
    this.#top = to;
  }
  get top(): number {
    return this.#top;
  }
  get fromEnd(): number {
    return this.height - this.view - this.#top;
  }
  /** Where that row is seen. */
  seenAt(row: Item): number {
    let at = parseFloat(this.#above.style.blockSize) - this.#top;
    for (const one of this.rows) {
      if (one === row) return at;
      at += this.heightOf(one);
    }
    return NaN;
  }

  /** Rows have come or gone; what does so is measured before it is seen. */
  render(all: readonly Item[]): void {
    this.list.setItems(all);
    this.#draw();
  }

  #draw(): void {
    for (let i = 0; i < 20; i++) {
      const { start, end } = (this.list.drawn = this.list.span.peek());
      this.rows = this.list.items.slice(start, end);
      for (const row of this.rows) this.list.measured(row, this.heightOf(row));
      this.list.hold();
      if (this.list.span.peek() === this.list.drawn) return;
    }
    throw new Error("it is never done drawing");
  }

  /** Scroll events, layout, and what watches sizes. */
  frame(): void {
    this.layout();
    if (this.#news) {
      this.#news = false;
      this.list.scrolled();
      if (this.list.span.peek() !== this.list.drawn) this.#draw();
    }
    for (let i = 0; i < 8; i++) {
      this.layout();
      let other = this.#seenView !== this.view;
      this.#seenView = this.view;
      for (const row of this.rows) other = this.list.measured(row, this.heightOf(row)) || other;
      if (!other) return;
      this.list.hold();
      if (this.list.span.peek() !== this.list.drawn) this.#draw();
    }
    throw new Error("it never holds still");
  }
}

describe("following the end", () => {
  test("rows that shrink and grow before anybody is told of it do not end it", () => {
    const box = new Box(200);
    const last = box.list.items.at(-1)!;
    box.real.set(last, 10);
    box.layout(); // something asks for a size
    box.real.set(last, 400);
    box.frame();
    expect(box.list.following.value).toBe(true);
    expect(box.fromEnd).toBe(0);
  });

  test("nothing that the page does by itself ends it", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const next = random(seed);
      const pick = (n: number) => Math.floor(next() * n);
      const box = new Box(1 + pick(300));
      let order = 1000;
      for (let step = 0; step < 200; step++) {
        const { rows } = box;
        switch (pick(7)) {
          case 0:
          case 1: box.real.set(rows[pick(rows.length)]!, 1 + pick(900)); break;
          case 2: box.real.set(rows.at(-1)!, 1 + pick(5000)); break;
          case 3: box.layout(); break;
          case 4: box.view = 200 + pick(600); break; // the keyboard, another way round
          case 5: box.render([...box.list.items.slice(next() < 0.2 ? 1 : 0), ...items(order, (order += pick(4)))]); break;
          default: box.frame();
        }
        expect(box.list.following.value, `seed ${seed}, step ${step}`).toBe(true);
      }
      box.frame();
      box.frame();
      expect(box.fromEnd, `seed ${seed}`).toBeLessThanOrEqual(1);
    }
  });

  test("a little way up ends it, whenever it is told of", () => {
    for (const told of [true, false]) {
      const box = new Box(200);
      box.scrollTo(box.top - 10); // a slow finger
      if (told) box.frame();
      box.render([...box.list.items, ...items(500, 503)]);
      box.frame();
      expect(box.list.following.value).toBe(false);
      expect(box.fromEnd).toBe(250);
      box.scrollTo(box.top + 230);
      box.frame();
      expect(box.list.following.value).toBe(true);
    }
  });

  test("the end as it was when somebody went there is the end", () => {
    const box = new Box(200);
    box.scrollTo(1000);
    box.frame();
    expect(box.list.following.value).toBe(false);
    box.scrollTo(1e9);
    box.render([...box.list.items, ...items(500, 520)]);
    expect(box.list.following.value).toBe(true);
    expect(box.fromEnd).toBe(0);
  });
});

describe("reading elsewhere", () => {
  test("whatever changes, what is read stays, and goes only as it is scrolled", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const next = random(seed);
      const pick = (n: number) => Math.floor(next() * n);
      const box = new Box(400);
      box.scrollTo(8000 + pick(8000));
      box.frame();
      let order = 1000;
      for (let step = 0; step < 100; step++) {
        // The row that is read stands at the top; it does not change, others do.
        const read = box.rows.find((row) => box.seenAt(row) >= 0)!;
        const upper = box.rows[box.rows.indexOf(read) - 1]!;
        let at = box.seenAt(read);
        for (let i = 0; i < 4; i++) {
          const row = box.rows[pick(box.rows.length)]!;
          if (row !== upper && row !== read) box.real.set(row, 20 + pick(300));
        }
        if (pick(2)) box.render([...box.list.items, ...items(order, (order += pick(4)))]);
        box.frame();
        expect(box.seenAt(read), `seed ${seed}, step ${step}`).toBeCloseTo(at, 3);
        const by = pick(200) - 100;
        box.scrollTo(box.top + by);
        if (pick(2)) box.render([...box.list.items, ...items(order, (order += pick(4)))]); // before it is told of
        at -= by;
        box.frame();
        expect(box.seenAt(read), `seed ${seed}, step ${step}, scrolled by ${by}`).toBeCloseTo(at, 3);
        expect(box.list.following.value).toBe(false);
      }
    }
  });

  test("what opens under somebody's hand at the end stays under it", () => {
    const box = new Box(200);
    const row = box.list.items.at(-2)!;
    box.real.set(box.list.items.at(-1)!, 90);
    const at = box.seenAt(row);
    box.list.keep(row);
    box.frame(); // of something else
    box.real.set(row, 900);
    box.frame();
    expect(box.list.following.value).toBe(false);
    expect(Math.abs(box.seenAt(row) - at)).toBeLessThanOrEqual(10);
  });
});
