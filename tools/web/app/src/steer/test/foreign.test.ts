import { describe, expect, it } from "vitest";
import { pathText, pieces, plainText, short } from "../foreign.ts";

describe("foreign text", () => {
  it("leaves what is seen as it is", () => {
    expect(pieces("rm -rf build/\n\techo ä 日本 👍")).toEqual([{ text: "rm -rf build/\n\techo ä 日本 👍", named: false }]);
  });
  it("names what changes the order or is not seen", () => {
    expect(plainText("a\u202eb\u200bc\ufeffd\u{e0041}")).toBe("a<U+202E>b<U+200B>c<U+FEFF>d<U+E0041>");
    expect(pieces("x\u2066y")).toEqual([{ text: "x", named: false }, { text: "U+2066", named: true }, { text: "y", named: false }]);
  });
  it("names what looks like another character where something is decided, and leaves it in prose", () => {
    expect(plainText("a\u00a0b\u2003c")).toBe("a<U+00A0>b<U+2003>c");
    expect(pieces("a\u00a0b \u200d", { prose: true })).toEqual([{ text: "a\u00a0b \u200d", named: false }]);
    expect(pieces("a\u202eb", { prose: true })[1]).toEqual({ text: "U+202E", named: true });
  });
  it("shows control characters as pictures", () => {
    expect(plainText("a\x1b[31mb\rc\x00d\x7f\u0085")).toBe("a<\u241b>[31mb<\u240d>c<\u2400>d<U+007F><U+0085>");
    expect(plainText("a\r\nb", false)).toBe("a\nb");
  });
  it("bounds heaps of marks", () => {
    const heap = "e" + "\u0301".repeat(500);
    expect(plainText(heap)).toBe("e" + "\u0301".repeat(8) + "\ufffd");
    expect(plainText("e" + "\u0301".repeat(8) + "e\u0301")).toBe("e" + "\u0301".repeat(8) + "e\u0301");
  });
  it("names lone surrogates", () => {
    expect(plainText("a\ud800b")).toBe("a<U+D800>b");
  });
  it("makes one line", () => {
    expect(plainText("a\n\tb")).toBe("a  b");
  });
  it("cuts between letters", () => {
    expect(short("👍👍👍", 2)).toBe("👍…");
    expect(short("ab", 2)).toBe("ab");
  });
  it("shows bytes of a path that are no UTF-8", () => {
    expect(pathText(Uint8Array.from([0x2f, 0xc3, 0xa4, 0xff, 0x61, 0xe2, 0x82]))).toBe("/ä\\xffa\\xe2\\x82");
    expect(pathText(new TextEncoder().encode("/home/日本"))).toBe("/home/日本");
  });
});
