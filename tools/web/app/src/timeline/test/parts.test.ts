import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { AssetSchema, create } from "@libremote/link/messages";
import { AssetStore, ASSET_BYTES_MAX } from "../assets.ts";
import { changeOf } from "../changes.ts";
import { Digest, type Sum } from "../digest.ts";
import { Item } from "../items.ts";
import { ListControl } from "../list_control.ts";
import { pictureSize } from "../picture_size.ts";
import { fileName } from "../rows/asset.tsx";

const sha256 = (pieces: Uint8Array[]): Uint8Array => {
  const sum = createHash("sha256");
  for (const piece of pieces) sum.update(piece);
  return new Uint8Array(sum.digest());
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined): string => new TextDecoder().decode(data);

function chunks(whole: string, size: number, digest?: Uint8Array) {
  const data = bytes(whole);
  const out = [];
  for (let at = 0; at < data.length; at += size)
    out.push(create(AssetSchema, { assetId: "a", position: BigInt(at), total: BigInt(data.length), mediaType: "text/plain", data: data.subarray(at, at + size), sha256: digest ?? new Uint8Array() }));
  return out;
}

describe("assets", () => {
  const whole = "the whole of it, in more than one piece";
  const store = () => {
    const made = new AssetStore();
    made.useDigest(sha256);
    return made;
  };

  test("in any order, more than once", () => {
    const assets = store();
    const parts = chunks(whole, 7, sha256([bytes(whole)]));
    for (const part of [...parts].reverse()) {
      expect(assets.bytes("a")).toBeUndefined();
      assets.add(part);
    }
    for (const part of parts) assets.add(part);
    expect(assets.facts("a").state).toBe("verified");
    expect(text(assets.bytes("a"))).toBe(whole);
  });

  test("without a digest it is whole; with another one it is damaged and not handed on", () => {
    const plain = store();
    chunks(whole, 9).forEach((part) => plain.add(part));
    expect(plain.facts("a").state).toBe("whole");
    const wrong = store();
    chunks(whole, 9, sha256([bytes("else")])).forEach((part) => wrong.add(part));
    expect(wrong.facts("a").state).toBe("damaged");
    expect(wrong.bytes("a")).toBeUndefined();
  });

  test("contradictions and what is too large are not taken", () => {
    const assets = store();
    const [first] = chunks(whole, 9);
    assets.add(first!);
    assets.add(create(AssetSchema, { ...first!, total: 3n, data: bytes("abc") }));
    expect(assets.facts("a").state).toBe("damaged");
    const overlap = store();
    overlap.add(first!);
    overlap.add(create(AssetSchema, { ...first!, position: 4n, data: bytes("xxxxx") }));
    expect(overlap.facts("a").state).toBe("damaged");
    const large = store();
    large.add(create(AssetSchema, { assetId: "a", total: BigInt(ASSET_BYTES_MAX) + 1n, data: bytes("x") }));
    expect(large.facts("a").state).toBe("refused");
  });

  test("names for files", () => {
    expect(fileName("../../etc/passwd", "")).toBe("passwd.bin");
    expect(fileName("C:\\x\\evil\u202etxt.exe", "")).toBe("evil_txt.exe");
    expect(fileName(".bashrc", "text/plain")).toBe("bashrc.txt");
    expect(fileName("file:///tmp/a.png?x=1", "image/png")).toBe("a.png");
    expect(fileName("", "text/plain")).toBe("file.txt");
    expect(fileName("image", "image/png")).toBe("image.png");
  });
});

describe("how large a picture is", () => {
  const of = (...parts: (string | number[])[]) => {
    const all = parts.flatMap((part) => (typeof part === "string" ? [...bytes(part)] : part));
    return new Uint8Array([...all, ...new Array<number>(Math.max(0, 40 - all.length)).fill(0)]);
  };

  test("by its kind", () => {
    expect(pictureSize(of([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13], "IHDR", [0, 0, 1, 44, 0, 0, 0, 150]))).toEqual({ width: 300, height: 150 });
    expect(pictureSize(of("GIF89a", [44, 1, 150, 0]))).toEqual({ width: 300, height: 150 });
    expect(pictureSize(of([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 17, 8, 0, 150, 1, 44]))).toEqual({ width: 300, height: 150 });
    expect(pictureSize(of("RIFF", [0, 0, 0, 0], "WEBPVP8X", [10, 0, 0, 0, 0, 0, 0, 0, 43, 1, 0, 149, 0, 0]))).toEqual({ width: 300, height: 150 });
    expect(pictureSize(of("<svg/>"))).toBeUndefined();
    expect(pictureSize(of([0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff]))).toBeUndefined();
    expect(pictureSize(new Uint8Array(3))).toBeUndefined();
  });
});

describe("changes of files", () => {
  test("counts, hunks and the words that differ", () => {
    const old = Array.from({ length: 40 }, (_, i) => `line ${i}`);
    const now = [...old];
    now[20] = "line twenty";
    now.push("the end");
    const change = changeOf(`${old.join("\n")}\n`, `${now.join("\n")}\n`);
    expect([change.added, change.removed, change.hunks.length, change.hunks[0]!.skipped]).toEqual([2, 1, 2, 17]);
    const [gone, come] = change.hunks[0]!.lines.filter((line) => line.kind !== " ");
    expect(gone!.words).toEqual([{ text: "line ", changed: false }, { text: "20", changed: true }]);
    expect(come!.words.map((word) => word.text).join("")).toBe("line twenty");
    expect([gone!.before, gone!.after, come!.before, come!.after]).toEqual([21, 0, 0, 21]);
  });

  test("a new file, an empty one, the same", () => {
    expect(changeOf("", "a\nb\n")).toMatchObject({ added: 2, removed: 0 });
    expect(changeOf("a\n", "")).toMatchObject({ added: 0, removed: 1 });
    expect(changeOf("a\n", "a\n").hunks).toEqual([]);
  });

  test("too much to compare is shown as a whole", () => {
    const lines = (seed: number) => Array.from({ length: 6000 }, (_, i) => `${(i * 7919 + seed * 104_729) % 1_000_003}`).join("\n");
    const change = changeOf(lines(1), lines(2));
    expect(change.added).toBe(6000);
  });
});

describe("the digest", () => {
  const raw = (n: number) => ({ offset: n, raw: bytes(`event ${n};`), event: undefined as never });
  const of = (from: number, to: number) => createHash("sha256").update(Array.from({ length: to - from }, (_, i) => `event ${from + i};`).join("")).digest("hex");
  const make = (pieces: Uint8Array[] = []): Sum => ({
    add: (piece) => void pieces.push(piece), copy: () => make([...pieces]), end: () => sha256(pieces),
  });

  test("live, then pages in front, then a jump", () => {
    const digest = new Digest(() => make());
    expect(digest.read()).toBeUndefined();
    digest.jump(100);
    for (let i = 100; i < 110; i++) digest.event(i, raw(i).raw);
    expect(digest.read()).toEqual({ from: 100, to: 110, sha256: of(100, 110) });
    digest.page(100, { from: 50, events: Array.from({ length: 50 }, (_, i) => raw(50 + i)) });
    digest.page(100, { from: 50, events: [raw(1)] }); // of another part
    digest.event(105, bytes("again"));
    expect(digest.read()).toEqual({ from: 50, to: 110, sha256: of(50, 110) });
    digest.jump(500);
    digest.event(500, raw(500).raw);
    expect(digest.read()).toEqual({ from: 500, to: 501, sha256: of(500, 501) });
  });
});

describe("the list's place", () => {
  const items = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => {
    const item = new Item("assistant", `a:${from + i}`) as Item;
    item.order = from + i;
    return item;
  });
  const box = (height: number, control: ListControl) => {
    let top = 0;
    const element = {
      clientHeight: height,
      get scrollHeight() {
        return control.total;
      },
      get scrollTop() {
        return top;
      },
      set scrollTop(value: number) {
        top = Math.max(0, Math.min(value, control.total - height));
      },
    };
    control.scroller = element as unknown as HTMLElement;
    return element;
  };

  test("follows the end until somebody goes up, and again at the end", () => {
    let came = 0;
    const list = new ListControl(() => came);
    const element = box(800, list);
    const all = items(0, 100);
    list.setItems(all);
    list.hold();
    expect(element.scrollTop).toBe(list.total - 800);
    element.scrollTop -= 500;
    list.scrolled();
    expect(list.following.value).toBe(false);
    came = 3;
    const before = element.scrollTop;
    list.setItems([...all, ...items(100, 103)]);
    list.hold();
    expect(element.scrollTop).toBe(before);
    expect(came - list.leftAt.value).toBe(3);
    list.toEnd();
    expect(element.scrollTop).toBe(list.total - 800);
  });

  test("what comes above, or grows there, moves nothing that is seen", () => {
    const list = new ListControl(() => 0);
    const element = box(800, list);
    const all = items(1000, 1100);
    list.setItems(all);
    list.hold();
    element.scrollTop = 5000;
    list.scrolled();
    const index = list.indexAt(element.scrollTop);
    const seen = list.items[index]!;
    const delta = element.scrollTop - list.offset(index);
    list.setItems([...items(0, 1000), ...all]);
    list.hold();
    for (const item of list.items.slice(0, 900)) list.measured(item, 333);
    list.hold();
    const now = list.items.indexOf(seen);
    expect(element.scrollTop - list.offset(now)).toBeCloseTo(delta, 3);
  });

  test("few rows at any time", () => {
    const list = new ListControl(() => 0);
    const element = box(800, list);
    list.setItems(items(0, 50_000));
    for (const item of list.items) list.measured(item, 4);
    for (const top of [0, 1000, 100_000]) {
      element.scrollTop = top;
      list.following.value = false;
      list.hold();
      list.scrolled();
      const { start, end } = list.span.value;
      expect(end - start).toBeLessThanOrEqual(90);
    }
  });
});
