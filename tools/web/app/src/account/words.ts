/** What the relay refused, in words. */
import { Refused } from "./ask.ts";

export function refusalWords(error: unknown): string {
  if (!(error instanceof Refused)) return "The page failed. Reload it and try again.";
  const wait = error.retryAfterMs > 0 ? ` Wait ${Math.ceil(error.retryAfterMs / 1000)} s before the next try.` : "";
  const reason = error.message === "" ? "The relay refused it" : `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}`;
  return `${reason}${/[.!?]$/.test(reason) ? "" : "."}${wait}`;
}
