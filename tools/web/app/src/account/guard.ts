/** Who is not signed in is asked to; who was signed out by somebody leaves nothing behind in this browser. */
import { effect, signal } from "@preact/signals";
import { keptAccount } from "../offline/keys.ts";
import { facts } from "../state/link.ts";
import { go, route } from "../state/route.ts";
import { clearKept } from "./kept.ts";

const UNAUTHENTICATED = 3001;
const REVOKED = 3003;

/** Why this browser is not signed in any more; undefined: it was not, or still is. */
export const signedOutBy = signal<"revoked" | "expired" | "here" | undefined>(undefined);

/** Where a person wanted to go before signing in; for this tab only. */
let wanted = "";
/** Whose data this tab has in its memory. */
let seen: string | undefined;

export const seenAccount = (): string | undefined => seen;

/** The place to go to once signed in. */
export function takeWanted(): string {
  const place = wanted;
  wanted = "";
  return place === "" ? "#/" : place;
}

function askToSignIn(): void {
  if (route.value.page === "sign-in") return;
  wanted = location.hash;
  go("#/sign-in");
}

export function watchSignIn(): void {
  effect(() => {
    const now = facts.value;
    if (now?.phase === "live" && now.welcome) {
      if (now.welcome.principal) {
        seen = now.welcome.principal.account;
        signedOutBy.value = undefined;
      } else askToSignIn();
    } else if (now?.phase === "dead" && now.problem?.code === REVOKED) {
      if (signedOutBy.value === undefined) signedOutBy.value = "revoked";
      wanted = "";
      void clearKept();
      if (route.value.page !== "sign-in") go("#/sign-in");
    } else if (now?.phase === "dead" && now.problem?.code === UNAUTHENTICATED) {
      // the relay lets go of whoever stays at the sign-in without signing in: nothing of theirs is over
      if (signedOutBy.value === undefined && keptAccount.peek() !== undefined) signedOutBy.value = "expired";
      askToSignIn();
    }
  });
}
