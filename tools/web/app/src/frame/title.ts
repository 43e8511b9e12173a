/** The page's title: how many questions are open, and where one is. It is what a tab in the background still shows. */
import { computed, effect } from "@preact/signals";
import { titleOf } from "../presence/status.ts";
import { route } from "../state/route.ts";
import { entryOf, sessions } from "../state/sessions.ts";
import { countAsks, titleFor } from "./title_words.ts";

export const openAsks = computed(() => countAsks(sessions.value));

export function keepTitle(): void {
  effect(() => {
    const at = route.value;
    document.title = titleFor(at, openAsks.value, at.page === "session" ? titleOf(entryOf(at.id)) : "");
  });
}
