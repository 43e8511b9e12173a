/** What happens when this browser has just been signed in. */
import { keptAccount } from "../offline/keys.ts";
import { go } from "../state/route.ts";
import { Refused, who } from "./ask.ts";
import { seenAccount, signedOutBy, takeWanted } from "./guard.ts";
import { clearKept } from "./kept.ts";
import { tell } from "./tabs.ts";

const COOKIES_NEEDED = "The relay has signed this browser in, but the browser did not keep its cookie. Allow cookies for this page, then sign in again.";

/** Nothing of whoever was here before is shown to the one who is here now. */
export async function arrive(): Promise<void> {
  const visitor = await who();
  if (!visitor.signedIn) throw new Refused(0, COOKIES_NEEDED);
  const another = (before: string | undefined) => before !== undefined && before !== visitor.account;
  const changes = another(seenAccount()) || another(keptAccount.value);
  if (changes) await clearKept();
  signedOutBy.value = undefined;
  const place = changes ? "#/" : takeWanted();
  tell("signed-in");
  go(place);
  if (changes) location.reload();
}
