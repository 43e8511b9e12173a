/** A link that does not open tells a page no reason. After some attempts the relay is asked over HTTP what stands between. */
import { signal } from "@preact/signals";
import type { Connection, ConnectionFacts } from "@libremote/link";

/** What is known of the way, as half a sentence; empty: no more than that the relay cannot be reached. */
export const reach = signal("");

const ATTEMPTS = 3;
const ANSWER_MS_MAX = 5_000;

export type Answered = { status: number; json: boolean } | undefined;

/** `times`: how often in a row the relay itself has answered; once can be a relay that has just come back. */
export function reachWords(answer: Answered, times: number): string {
  if (!answer) return "";
  if (!answer.json) return `something else answers (HTTP ${answer.status})`;
  if (answer.status >= 400) return `the relay answers HTTP ${answer.status}`;
  return times > 1 ? "the relay answers, but no WebSocket gets through" : "";
}

async function ask(): Promise<Answered> {
  try {
    const answer = await fetch(new URL("./v1/who", document.baseURI), { cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    return { status: answer.status, json: answer.headers.get("content-type")?.startsWith("application/json") ?? false };
  } catch {
    return undefined;
  }
}

export function watchReach(connection: Connection): void {
  let times = 0;
  let asked = 0;
  connection.onChange((facts: ConnectionFacts) => {
    if (facts.phase === "live" || facts.phase === "dead") {
      times = asked = 0;
      reach.value = "";
      return;
    }
    if (facts.phase !== "waiting" || facts.failures < ATTEMPTS || facts.failures === asked) return;
    asked = facts.failures;
    void ask().then((answer) => {
      if (asked !== facts.failures || connection.facts.phase === "live") return;
      times = answer?.json && answer.status < 400 ? times + 1 : 0;
      reach.value = reachWords(answer, times);
    });
  });
}
