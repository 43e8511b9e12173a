/** After the first question was seen here: that there is a way to be told of the next one. Closed for good. */
import { Button, IconButton } from "../parts/index.ts";
import { go } from "../state/route.ts";
import { hindrance } from "./subscription.ts";
import { wish, wishes } from "./wishes.ts";

export function NotifyHint({ asked }: { asked: boolean }) {
  const now = wishes.value;
  if (!asked || now.on || now.hinted || hindrance() !== undefined) return null;
  return (
    <aside class="notify-hint" data-testid="notify-hint">
      <span>Be told when an agent needs you, also while this page is closed.</span>
      <Button onClick={() => go("#/settings")}>Set up</Button>
      <IconButton icon="close" label="Not now" onClick={() => wish({ hinted: true })} />
    </aside>
  );
}
