import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Layer } from "@libremote/link/messages";
import { codeWords, knowsCode, layerWords } from "../codes.ts";

const spec = readFileSync(new URL("../../../../../../docs/spec.md", import.meta.url), "utf8");

describe("codes in words", () => {
  it("has each code of the protocol", () => {
    const table = spec.slice(spec.indexOf("\n## 8. Codes"), spec.indexOf("\n### 8.1"));
    const codes = [...table.matchAll(/^\| (\d+) \| [A-Z_]+ \|/gm)].map((row) => Number(row[1]));
    expect(codes.length).toBeGreaterThan(30);
    expect(codes.filter((code) => !knowsCode(code))).toEqual([]);
  });
  it("tells unknown ones by their thousand", () => {
    for (const code of [1, 999, 1999, 2999, 3999, 4999, 5999, 6000, 60000, 0xffffffff]) expect(codeWords(code).words.length).toBeGreaterThan(3);
    expect(codeWords(7123)).toEqual(codeWords(4999));
  });
  it("names each layer", () => {
    for (const layer of Object.values(Layer).filter((value) => typeof value === "number"))
      expect(layerWords(layer) !== "").toBe(layer !== Layer.UNSPECIFIED);
    expect(layerWords(99)).toBe("");
  });
});
