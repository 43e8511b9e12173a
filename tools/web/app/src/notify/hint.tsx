/**
 * After the first question that was seen here: that there is a way to be told of the next one. Never beside a question that waits:
 * its card needs the height. Closed for good.
 */
import { useEffect, useState } from "preact/hooks";
import { Button, IconButton } from "../parts/index.ts";
import { go } from "../state/route.ts";
import { hindrance, installFirst } from "./subscription.ts";
import { wish, wishes } from "./wishes.ts";

/** `asks`: how many wait now. */
export function NotifyHint({ asks }: { asks: number }) {
  const now = wishes.value;
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    if (asks > 0) setAsked(true);
  }, [asks]);
  if (!asked || asks > 0 || now.on || now.hinted || (hindrance() !== undefined && !installFirst())) return null;
  return (
    <aside class="notify-hint" data-testid="notify-hint">
      <span class="one-line">Be told of the next question<span class="notify-hint-more">, also while this page is closed</span></span>
      <Button onClick={() => go("#/settings")}>Set up</Button>
      <IconButton icon="close" label="Not now" onClick={() => wish({ hinted: true })} />
    </aside>
  );
}
