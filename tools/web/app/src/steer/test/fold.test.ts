import { expect, it } from "vitest";
import { CUT, CUT_LOW, foldOf, splitLines } from "../fold.ts";

it("folds what is long, and says how much: never one line alone", () => {
  const whole = CUT.start + CUT.end;
  expect(foldOf(1)).toBeUndefined();
  expect(foldOf(whole + 1)).toBeUndefined();
  expect(foldOf(whole + 2)).toEqual({ hidden: 2 });
  expect(foldOf(300)).toEqual({ hidden: 300 - whole });
  expect(foldOf(whole, true)).toEqual({ hidden: whole - CUT_LOW.start - CUT_LOW.end });
});

it("knows lines by either ending, and keeps a return that ends none", () => {
  expect(splitLines("a\r\nb\nc\rd\n")).toEqual(["a", "b", "c\rd", ""]);
});
