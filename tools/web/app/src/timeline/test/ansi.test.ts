import { describe, expect, test } from "vitest";
import { LINE_MAX, plainLine, screenLines, spansOf } from "../ansi.ts";

const E = "\u001b";

describe("output of programs", () => {
  test("a line that is written over shows its last state", () => {
    expect(screenLines("10%\r50%\r100%\nok\n")).toEqual(["100%", "ok"]);
    expect(screenLines("10%\r")).toEqual(["10%"]);
    expect(screenLines("windows\r\nlines\r\n")).toEqual(["windows", "lines"]);
    expect(screenLines(`${E}[32mold\rnew\n`)).toEqual([`${E}[32mnew`]);
    expect(screenLines("ab\b\bcd\n")).toEqual(["cd"]);
    expect(screenLines(`50%\r${E}[K\ndone`)).toEqual(["50%", "done"]);
  });

  test("what moves the cursor, names windows or asks the terminal is taken out", () => {
    expect(screenLines(`a${E}[2Ab${E}[10;20Hc${E}[?25ld`)).toEqual(["abcd"]);
    expect(screenLines(`${E}]0;title\u0007x${E}]8;;https://e.example${E}\\link${E}]8;;${E}\\y`)).toEqual(["xlinky"]);
    expect(screenLines(`${E}]52;c;aGk=\u0007z${E}P+q544e${E}\\w`)).toEqual(["zw"]);
    expect(screenLines(`${E}]never ends\nnext`)).toEqual(["", "next"]);
    expect(screenLines(`before${E}[2J${E}[Hafter`)).toEqual(["after"]);
    expect(screenLines(`a${E}(Bb${E}=c${E}[>4;1md`)).toEqual(["abcd"]);
  });

  test("colours are classes, over lines too; deep ones become the nearest of eight", () => {
    expect(spansOf(screenLines(`${E}[1;31mred\nstill${E}[0m plain`))).toEqual([
      [{ text: "red", look: "fg-red sgr-bold" }],
      [{ text: "still", look: "fg-red sgr-bold" }, { text: " plain", look: "" }],
    ]);
    expect(spansOf([`${E}[38;5;196mx`])[0]![0]!.look).toBe("fg-red");
    expect(spansOf([`${E}[38;2;10;200;30mx`])[0]![0]!.look).toBe("fg-green");
    expect(spansOf([`${E}[44mx`])[0]![0]!.look).toBe("bg-blue");
    expect(spansOf([`${E}[7mx`])[0]![0]!.look).toBe("bg-white");
    expect(spansOf([`${E}[94mx`])[0]![0]!.look).toBe("fg-blue");
  });

  test("no escape character and no markup comes out, whatever goes in", () => {
    const odd = [`${E}${E}[31m<b>x`, `${E}[${"1;".repeat(3000)}mx`, `${E}[38;5mx`, `${E}[38;2;999;-1;xmx`, `<img src=x onerror=alert(1)>`, `a\u0000b\u009b31mc`];
    for (const line of odd)
      for (const spans of spansOf(screenLines(line)))
        for (const span of spans) {
          expect(span.text).not.toContain(E);
          expect(span.look).toMatch(/^[a-z -]*$/);
        }
    expect(spansOf(["<b>x</b>"])[0]![0]!.text).toBe("<b>x</b>");
  });

  test("a giant line is cut, and none takes for ever", { timeout: 300_000 }, () => {
    const spans = spansOf(screenLines("x".repeat(1 << 20)));
    expect(spans[0]![0]!.text.length).toBe(LINE_MAX);
    expect(spans[0]![1]!.text).toContain("more characters");
    screenLines(`${E}[`.repeat(200_000));
    screenLines("\r".repeat(200_000));
    screenLines("ab\b".repeat(20_000));
    screenLines(`${E}]`.repeat(50_000));
    expect(plainLine(`${E}[31mred${E}[0m`)).toBe("red");
  });
});
