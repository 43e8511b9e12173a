import { expect, test } from "vitest";
import { parseRoute } from "./route.ts";

const id = "0123456789abcdef0123456789abcdef";

test.each([
  ["", { page: "sessions" }], ["#/", { page: "sessions" }], ["#/nowhere", { page: "sessions" }], ["#/settingsx", { page: "sessions" }],
  ["#/settings", { page: "settings" }], ["#/devices", { page: "devices" }], ["#/sign-in", { page: "sign-in" }], ["#/sign-in/abc_DEF-1", { page: "sign-in" }],
  [`#/s/${id}`, { page: "session", id }], [`#/s/${id}/ask/${id}`, { page: "session", id, ask: id }],
  [`#/s/${id.toUpperCase()}`, { page: "sessions" }], [`#/s/${id}0`, { page: "sessions" }], [`#/s/${id}/ask/1`, { page: "sessions" }], [`#/s/${"0".repeat(32)}`, { page: "sessions" }], ["#/s/<script>", { page: "sessions" }],
])("%s", (fragment, route) => expect(parseRoute(fragment)).toEqual(route));

test("a code from a terminal's or a page's QR code leads to the devices", () => {
  expect(parseRoute("#BCDF-GHJK")).toEqual({ page: "devices", code: "BCDF-GHJK" });
  expect(parseRoute("#/devices/bcdfghjk")).toEqual({ page: "devices", code: "BCDFGHJK" });
  expect(parseRoute("#/devices")).toEqual({ page: "devices" });
  expect(parseRoute("#/devices/AEIO-UAEI")).toEqual({ page: "devices" });
  expect(parseRoute("#AEIO-UAEI")).toEqual({ page: "sessions" });
});
