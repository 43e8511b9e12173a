import { expect, test } from "vitest";
import { create, Layer, ProblemSchema } from "@libremote/link/messages";
import { layerWords, problemWords } from "./problems.ts";

const words = (code: number, reason = "", layer = Layer.UNSPECIFIED, retryHelps = false) =>
  problemWords(create(ProblemSchema, { code, reason, layer, retryHelps }));

test("every code has words, unknown ones by their thousand", () => {
  for (let code = 0; code < 10_000; code++) expect(words(code).what, String(code)).not.toBe("");
  expect(words(1999)).toEqual({ what: "code 1999", todo: "", action: "none" });
  expect(words(1999, "the moon")).toEqual({ what: "the moon (code 1999)", todo: "", action: "none" });
  expect(words(3999).todo).toContain("must act");
  expect(words(9001).action).toBe("reload");
});

test("a policy says who decided, and whether trying again helps", () => {
  expect(words(3007, "", Layer.ENTERPRISE).what).toBe("remote control is not allowed here; decided by enterprise policy");
  expect(words(3007, "too many sessions", Layer.ACCOUNT, true))
    .toEqual({ what: "remote control is not allowed here; decided by the account, trying again later can help", todo: "too many sessions", action: "reload" });
  expect(layerWords(Layer.UNSPECIFIED)).toBeUndefined();
});

test("what the other side wrote is bounded and on one line", () => {
  expect(words(1999, "a\n\tb").what).toBe("a b (code 1999)");
  expect(words(1999, "x".repeat(5_000)).what.length).toBeLessThan(400);
});
