/** While there is no connection: what is written lives as long as the page does. */
import { isLive } from "../presence/facts.ts";
import { keeping, keepingWords } from "./keeping.ts";

export function KeepsNothing() {
  const now = keeping.value;
  if (now === "all" || isLive.value) return null;
  return (
    <p class="keeps-nothing small" role="status" data-testid="keeps-nothing">
      {keepingWords(now)}: what you write waits in the open page alone. Leave it open until it is sent.
    </p>
  );
}
