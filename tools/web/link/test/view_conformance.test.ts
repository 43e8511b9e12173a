import { describe, expect, it } from "vitest";
import { caseNames, runCase } from "./view_cases.js";

const TIMEOUT_MS = 120_000;

describe("conformance/view", () => {
  const names = caseNames();
  it("has cases", () => expect(names.length).toBeGreaterThanOrEqual(30));
  for (const name of names) it(name, () => expect(runCase(name)).toEqual([]), TIMEOUT_MS);
});
