/** The page's tabs share one sign-in: what one of them does with it, the others hear at once. */
import { connection } from "../state/link.ts";
import { go, route } from "../state/route.ts";
import { signedOutBy, takeWanted } from "./guard.ts";
import { invite } from "./invite.ts";
import { clearKept } from "./kept.ts";

type News = "signed-in" | "signed-out";

const channel = typeof BroadcastChannel === "undefined" ? undefined
  : new BroadcastChannel(`remote.account:${new URL("./", document.baseURI).pathname}`);

/** The relay has ended this tab's link, or will; with what the cookie holds now it connects anew. */
function changed(news: News): void {
  if (news === "signed-out") {
    signedOutBy.value = "here";
    void clearKept();
    go("#/sign-in");
  }
  connection.value?.setToken("");
}

/** Another tab has signed in, perhaps as somebody else: this one begins anew, where it was asked to be. */
function begin(): void {
  if (route.value.page === "sign-in" && invite.value === undefined) history.replaceState(null, "", takeWanted());
  location.reload();
}

/** Told once, when the page begins. */
export function watchTabs(): void {
  channel?.addEventListener("message", (event: MessageEvent<unknown>) => {
    if (event.data === "signed-in") begin();
    else if (event.data === "signed-out") changed("signed-out");
  });
}

/** After this tab has done it. */
export function tell(news: News): void {
  channel?.postMessage(news);
  changed(news);
}
