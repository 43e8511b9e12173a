import { describe, expect, test } from "vitest";
import { cutText, exact, hostOf, near, nearAll, oneLine, prose, safeUrl } from "../clean.ts";

describe("foreign text", () => {
  test("prose loses what re-orders or hides, and keeps what scripts need", () => {
    expect(prose("plain words — ünïcode 👩‍👩‍👧 مرحبا\u200f!")).toBe("plain words — ünïcode 👩‍👩‍👧 مرحبا\u200f!");
    expect(prose("a\u202eb\u2066c\u2069d")).toBe("a\ufffdb\ufffdc\ufffdd");
    expect(prose("\u001b[31mred\u0007\u007f")).toBe("\u241b[31mred\u2407\u2421");
    expect(prose("a\u2028b")).toBe("a\nb");
    expect(prose("x\r\ny\rz")).toBe("x\r\ny\rz".replace(/\r\n?/g, "\n"));
    expect(prose(`e${"\u0301".repeat(40)}`)).toBe(`e${"\u0301".repeat(8)}\ufffd`);
  });

  test("what is decided on shows what is hidden in it by name", () => {
    expect(exact("rm -rf ./\u202etxt.exe")).toBe("rm -rf ./<U+202E>txt.exe");
    expect(exact("a\u200bb\u00a0c\u{e0041}d\u00ade")).toBe("a<U+200B>b<U+00A0>c<U+E0041>d<U+00AD>e");
    expect(exact("a\rb\tc\nd\u0000")).toBe("a\u240db\tc\nd\u2400");
  });

  test("one line, cut at a character", () => {
    expect(oneLine("  a\n\tb  ")).toBe("a b");
    expect(oneLine("x".repeat(50), 10)).toBe(`${"x".repeat(9)}…`);
    expect(cutText("a😀b", 2)).toBe("a");
    expect(cutText("a😀b", 3)).toBe("a😀");
  });

  test("addresses are http, https or mailto, and whole", () => {
    expect(safeUrl("https://example.org/a?b#c")).toBe("https://example.org/a?b#c");
    expect(safeUrl("mailto:ada@example.org")).toBe("mailto:ada@example.org");
    for (const bad of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", " data:text/html,x", "//example.org", "/etc/passwd", "file:///etc/passwd",
      "https://user:pass@example.org/", "https://exa\u202emple.org/", "java\nscript:alert(1)", "blob:https://x/y", "vbscript:x", "http://", "https://\u0000x"])
      expect(safeUrl(bad), bad).toBeUndefined();
    expect(hostOf("https://xn--80ak6aa92e.com/x")).toBe("xn--80ak6aa92e.com");
    expect(hostOf(safeUrl("https://аррӏе.com/")!)).toMatch(/^xn--/);
  });

  test("paths beside the folder", () => {
    expect(near("/home/ada/work/src/a.c", "/home/ada/work")).toBe("src/a.c");
    expect(near("/home/ada/worker/a.c", "/home/ada/work")).toBe("/home/ada/worker/a.c");
    expect(near("/home/ada/work", "/home/ada/work")).toBe("/home/ada/work");
    expect(near("/a", "/")).toBe("/a");
    expect(nearAll("Edit /w/ork/a.c", "/w/ork")).toBe("Edit a.c");
  });
});
