import { describe, expect, test } from "vitest";
import { cutOf, fenceAt, SIDE, STEP } from "../long_text.ts";
import { pieces } from "../markdown.ts";
import { random } from "./make.ts";

const lines = (n: number): string => Array.from({ length: n }, (_, i) => `line ${i} of it\n`).join("");

describe("a text that is too long", () => {
  test("short ones are whole, and so is what is hardly longer", () => {
    for (const length of [0, 1, SIDE, 2 * SIDE, 2 * SIDE + STEP - 1]) expect(cutOf("x".repeat(length), SIDE)).toEqual({ head: "x".repeat(length), tail: "", at: 0 });
  });

  test("its beginning and its end are shown, cut at lines", () => {
    const text = lines(10_000);
    const cut = cutOf(text, SIDE);
    expect(text.startsWith(cut.head)).toBe(true);
    expect(text.endsWith(cut.tail)).toBe(true);
    expect(cut.head.endsWith("\n")).toBe(true);
    expect(cut.tail).toMatch(/^line \d+ of it\n/);
    expect(text.slice(cut.at)).toBe(cut.tail);
    for (const part of [cut.head, cut.tail]) {
      expect(part.length).toBeGreaterThan(SIDE - STEP);
      expect(part.length).toBeLessThanOrEqual(SIDE + STEP);
    }
  });

  test("blocks are not cut where one ends nearby", () => {
    const cut = cutOf("Some words of a paragraph\nand some more.\n\n".repeat(4000), SIDE);
    expect(cut.head.endsWith("more.\n")).toBe(true);
    expect(cut.tail.startsWith("Some words")).toBe(true);
  });

  test("while it grows the beginning stays, the end begins at steps, and its pieces stay between two of them", () => {
    const next = random(3);
    let text = "";
    let last = cutOf(text, SIDE);
    let moved = 0;
    while (text.length < 120_000) {
      text += next() < 0.3 ? "\n\n" : `${"word ".repeat(1 + Math.floor(next() * 12))}\n`;
      const now = cutOf(text, SIDE);
      if (last.at > 0) expect(now.head).toBe(last.head);
      if (now.at !== last.at) moved++;
      else if (now.at > 0) {
        const stays = pieces(last.tail).slice(0, -1);
        expect(pieces(now.tail).slice(0, stays.length)).toEqual(stays);
      }
      expect(now.at).toBeGreaterThanOrEqual(last.at);
      expect(text.endsWith(now.tail)).toBe(true);
      last = now;
    }
    expect(moved).toBeLessThanOrEqual(Math.ceil(120_000 / STEP));
    expect(moved).toBeGreaterThan(10);
  });

  test("who reads it keeps what is read, up to a limit", () => {
    const text = lines(3000);
    const cut = cutOf(text, SIDE);
    const grown = text + lines(2000);
    expect(cutOf(grown, SIDE).at).toBeGreaterThan(cut.at);
    expect(cutOf(grown, SIDE, cut.at).at).toBe(cut.at);
    expect(cutOf(grown, SIDE, 0)).toEqual({ head: grown, tail: "", at: 0 }); // it was whole
    expect(cutOf(text + lines(40_000), SIDE, cut.at).tail.length).toBeLessThan(SIDE + 2 * STEP);
  });

  test("more of it is shown in steps, to all of it", () => {
    const text = lines(60_000);
    let room = 0;
    let cut = cutOf(text, SIDE);
    for (let shown = cut.head.length; cut.at > 0; shown = cut.head.length) {
      cut = cutOf(text, (room += 256 * 1024));
      expect(cut.head.length).toBeGreaterThan(shown);
    }
    expect(cut.head).toBe(text);
  });

  test("no character is cut in two", () => {
    for (const before of ["", "a"]) {
      const cut = cutOf(before + "😀".repeat(60_000), SIDE);
      expect(cut.head + cut.tail).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/);
      expect(cut.at).toBeGreaterThan(0);
    }
  });

  test("code that the cut goes through is opened again", () => {
    const text = `Look:\n\n~~~js of it\n${"let a = 1;\n".repeat(6000)}~~~\n\nThat was it.\n`;
    const cut = cutOf(text, SIDE);
    expect(fenceAt(text, cut.at)).toBe("~~~js of it");
    expect(fenceAt(text, text.length)).toBe("");
    expect(fenceAt("```\na\n``\n````\nb\n", 17)).toBe("");
    expect(fenceAt("````\na\n```\nb\n", 13)).toBe("````");
    expect(fenceAt("``` not `code\nx\n", 16)).toBe("");
    expect(fenceAt("said\n```c", 9)).toBe("```c");
  });
});
