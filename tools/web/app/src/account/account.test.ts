import { expect, test } from "vitest";
import { Refused } from "./ask.ts";
import { deviceName, nameFault } from "./device_name.ts";
import { refusalWords } from "./words.ts";

test("a browser's name is what people call it", () => {
  const names: readonly (readonly [string, boolean, string])[] = [
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1", true, "Safari on iPhone"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/130.0 Mobile/15E148 Safari/604.1", true, "Chrome on iPhone"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15", true, "Safari on iPad"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15", false, "Safari on Mac"],
    ["Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36", true, "Chrome on Android phone"],
    ["Mozilla/5.0 (Linux; Android 15; Tab) AppleWebKit/537.36 SamsungBrowser/27.0 Chrome/125.0 Safari/537.36", true, "Samsung Internet on Android tablet"],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0", true, "Edge on Windows"],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", false, "Firefox on Linux"],
    ["Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36", false, "Chrome on Chromebook"],
    ["", false, "Browser"],
  ];
  for (const [agent, touch, name] of names) expect(deviceName(agent, touch)).toBe(name);
});

test("a name that the relay would refuse is told before it is asked", () => {
  expect(nameFault("phone")).toBeUndefined();
  expect(nameFault("x".repeat(63))).toBeUndefined();
  expect(nameFault("  ")).toBeDefined();
  expect(nameFault("ä".repeat(32))).toBeDefined();
});

test("a refusal is a sentence, with the wait that it asks for", () => {
  expect(refusalWords(new Refused(3001, "the token is not known here; sign in again"))).toBe("The token is not known here; sign in again.");
  expect(refusalWords(new Refused(1004, "too many wrong codes; wait a little", 1200))).toBe(
    "Too many wrong codes; wait a little. Wait 2 s before the next try.");
  expect(refusalWords(new Refused(3001, ""))).toBe("The relay refused it.");
  expect(refusalWords(new Error("x"))).toBe("The page failed. Reload it and try again.");
});
