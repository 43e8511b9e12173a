/** Where the page is: `#/`, `#/s/ID`, `#/sign-in`, `#/devices`, `#/settings`. In the fragment, which no server sees. */
import { signal } from "@preact/signals";

export type Route =
  | { page: "sessions" }
  | { page: "session"; id: string; ask?: string }
  | { page: "sign-in" }
  | { page: "devices"; code?: string }
  | { page: "settings" };

const NO_SESSION = "0".repeat(32);

export function parseRoute(fragment: string): Route {
  const session = /^#\/s\/([0-9a-f]{32})(?:\/ask\/([0-9a-f]{32}))?$/.exec(fragment);
  if (session && session[1] !== NO_SESSION) return session[2] ? { page: "session", id: session[1]!, ask: session[2] } : { page: "session", id: session[1]! };
  // A terminal's QR code has no more than the code behind the page's address.
  const code = /^#(?:\/devices\/)?([B-DF-HJ-NP-TV-XZ]{4}-?[B-DF-HJ-NP-TV-XZ]{4})$/i.exec(fragment);
  if (code) return { page: "devices", code: code[1]!.toUpperCase() };
  for (const page of ["sign-in", "devices", "settings"] as const) if (fragment === `#/${page}` || fragment.startsWith(`#/${page}/`)) return { page };
  return { page: "sessions" };
}

const here = (): Route => parseRoute(typeof location === "undefined" ? "" : location.hash);
export const route = signal<Route>(here());
if (typeof addEventListener === "function") addEventListener("hashchange", () => (route.value = here()));

export function go(fragment: string): void {
  location.hash = fragment;
}
