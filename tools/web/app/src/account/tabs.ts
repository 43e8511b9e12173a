/** The page's tabs share one sign-in: what one of them does with it, the others hear at once. */
import { clearKept } from "./kept.ts";
import { connection } from "../state/link.ts";
import { go } from "../state/route.ts";

type News = "signed-in" | "signed-out";

const channel = typeof BroadcastChannel === "undefined" ? undefined
  : new BroadcastChannel(`remote.account:${new URL("./", document.baseURI).pathname}`);

function changed(news: News): void {
  // The relay has ended this tab's link, or will; with a new cookie it connects again by itself.
  connection.value?.setToken("");
  if (news === "signed-out") {
    void clearKept();
    go("#/sign-in");
  }
}

/** Told once, when the page begins. */
export function watchTabs(): void {
  channel?.addEventListener("message", (event: MessageEvent<unknown>) => {
    if (event.data === "signed-in") location.reload(); // perhaps as somebody else
    else if (event.data === "signed-out") changed("signed-out");
  });
}

/** After this tab has done it. */
export function tell(news: News): void {
  channel?.postMessage(news);
  changed(news);
}
