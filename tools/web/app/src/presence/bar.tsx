/** The facts about the way from here to the agent, in one line. */
import type { SessionModel } from "../state/session.ts";
import { facts } from "../state/link.ts";

export function PresenceBar({ model }: { model?: SessionModel }) {
  void model;
  return <div class="presence" data-testid="presence" role="status">{facts.value?.phase}</div>;
}
