import { expect, test } from "vitest";
import { readPreferences } from "./preferences.ts";

const defaults = { theme: "system", textSize: "normal" };

test.each([[null, defaults], ["", defaults], ["[", defaults], ["7", defaults], ["null", defaults], ['{"theme":"pink","textSize":{}}', defaults],
  ['{"theme":"dark","textSize":"large"}', { theme: "dark", textSize: "large" }]])("%s", (text, wanted) =>
  expect(readPreferences(text)).toEqual(wanted));
