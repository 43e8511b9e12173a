/** A link that leads to a session which is not to be had: deleted, of another account, or not allowed. */
import type { Problem } from "@libremote/link/messages";
import { Icon } from "../parts/icon.tsx";
import { problemWords } from "../presence/problems.ts";

export function SessionGone({ problem }: { problem: Problem }) {
  const words = problemWords(problem);
  return (
    <main class="failed">
      <h1><Icon name="info" /> This session cannot be shown</h1>
      <p>The relay says: {words.what}. {words.todo}</p>
      <div class="failed-actions"><a class="button primary" href="#/">All sessions</a></div>
    </main>
  );
}
