/** Who is not signed in is asked to; who was signed out by somebody leaves nothing behind in this browser. */
import { effect } from "@preact/signals";
import { facts } from "../state/link.ts";
import { go, route } from "../state/route.ts";
import { clearKept } from "./kept.ts";

const REVOKED = 3003;
/** Where a person wanted to go before signing in; for this tab only. */
let wanted = "";

/** The place to go to once signed in. */
export function takeWanted(): string {
  const place = wanted;
  wanted = "";
  return place === "" ? "#/" : place;
}

export function watchSignIn(): void {
  effect(() => {
    const now = facts.value;
    if (now?.phase === "live" && now.welcome && !now.welcome.principal && route.value.page !== "sign-in") {
      wanted = location.hash;
      go("#/sign-in");
    }
  });
  effect(() => {
    const now = facts.value;
    if (now?.phase === "dead" && now.problem?.code === REVOKED) void clearKept();
  });
}
