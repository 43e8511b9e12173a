import { describe, expect, test } from "vitest";
import { renderHtml, pieces } from "../markdown.ts";
import { random } from "./make.ts";

describe("Markdown", () => {
  // Without a page there is no DOMPurify: this is what comes out of the renderer alone, the first of the two walls.
  test("raw HTML is text", () => {
    const html = renderHtml("press <kbd>K</kbd> <script>alert(1)</script> <img src=x onerror=alert(1)> <b onclick=x>bold</b>\n\n<iframe src=//e></iframe>");
    expect(html).not.toMatch(/<(script|img|iframe|b )/i);
    expect(html).toContain("&lt;script&gt;");
    expect(html).toContain("<kbd>K</kbd>");
  });

  test("links go to http, https and mailto only, and say where", () => {
    expect(renderHtml("[docs](https://docs.example.org/x)")).toContain('<a href="https://docs.example.org/x">docs</a> <span class="md-host">(docs.example.org)</span>');
    expect(renderHtml("https://docs.example.org/x")).not.toContain("md-host");
    for (const bad of ["[x](javascript:alert(1))", "[x](data:text/html;base64,AA)", "[x](vbscript:a)", "[x](&#106;avascript:alert(1))", "<javascript:alert(1)>",
      '[x](https://e.example/" onmouseover="alert(1))', "[x]: javascript:alert(1)\n\n[x]"]) {
      const html = renderHtml(bad);
      expect(html, bad).not.toMatch(/href="(?!https:|http:|mailto:)/);
      expect(html, bad).not.toMatch(/<a[^>]*\sonmouseover/);
    }
    expect(renderHtml("[https://bank.example](https://evil.example/)")).toContain("(evil.example)");
  });

  test("images are links", () => {
    const html = renderHtml("![a logo](https://e.example/x.png)");
    expect(html).not.toContain("<img");
    expect(html).toContain('href="https://e.example/x.png"');
  });

  test("code is shown exactly", () => {
    expect(renderHtml("```c\nif (a\u202e < b) <script>\n```")).toContain("if (a\ufffd &lt; b) &lt;script&gt;");
    expect(renderHtml("`rm \u2009-rf`")).toContain("rm &lt;U+2009&gt;-rf");
    expect(renderHtml('```"><script>\nx\n```')).not.toContain("<script>");
  });

  test("pieces make the whole, and stay while a message grows", () => {
    const next = random(9);
    const parts = ["A paragraph of some words.\n\n", "- one\n- two\n\n", "1. first\n\n   more of it\n\n2. second\n\n", "```js\nlet a;\n\nlet b;\n```\n\n", "| a | b |\n|---|---|\n| 1 | 2 |\n\n",
      "> said\n\n", "## Head\n\n", `${"long words ".repeat(60)}\n\n`];
    let text = "";
    for (let i = 0; i < 300; i++) text += parts[Math.floor(next() * parts.length)]!;
    const all = pieces(text);
    expect(all.join("")).toBe(text);
    expect(all.length).toBeGreaterThan(20);
    for (let at = 500; at < text.length; at += 997) {
      const now = pieces(text.slice(0, at));
      expect(now.slice(0, -1)).toEqual(all.slice(0, now.length - 1));
    }
    for (const piece of all) expect((piece.match(/^```/gm)?.length ?? 0) % 2).toBe(0);
  });

  test("a fence without an end goes on in each piece", () => {
    const long = pieces(`\`\`\`\n${"code code code\n".repeat(3000)}`);
    expect(long.length).toBeGreaterThan(3);
    for (const piece of long.slice(0, -1)) expect(piece.startsWith("```") && piece.endsWith("```\n")).toBe(true);
  });

  test("nothing takes for ever", { timeout: 300_000 }, () => {
    const odd = ["x".repeat(1 << 20), "[".repeat(100_000), "*a **b ".repeat(20_000), "> ".repeat(20_000), "`".repeat(50_000), "<".repeat(50_000), "![](".repeat(20_000),
      "\n- ".repeat(10_000), "|a".repeat(30_000), "[a](".repeat(20_000), "_a".repeat(40_000), "&".repeat(50_000), "- ".repeat(3000), " ".repeat(60_000), "1. ".repeat(4000),
      `${"\t".repeat(30_000)}a`, "~~".repeat(30_000), "[a]: b\n".repeat(5000), "a@b.".repeat(20_000), "www.".repeat(20_000), "https://a.".repeat(10_000)];
    for (const text of odd) {
      const start = performance.now();
      for (const piece of pieces(text)) renderHtml(piece);
      const took = performance.now() - start;
      if (took > 400) console.log(`${JSON.stringify(text.slice(0, 12))} × ${text.length}: ${took.toFixed(0)} ms`);
    }
  });
});
