/** Stops the running turn. Until it has ended, nothing more is said than that the agent was asked to. */
import { Button } from "../parts/index.ts";
import type { SessionModel } from "../state/session.ts";
import { isDone, wentWell } from "./commands.ts";
import { steering, type Body } from "./store.ts";

export function CancelTurn({ model }: { model: SessionModel }) {
  const store = steering(model);
  const turnId = model.view.value?.turnId ?? "";
  if (turnId === "") return null;
  const asked = model.commands.value.find((c) => c.body.case === "cancelTurn" && c.body.value.turnId === turnId && (!isDone(c.facts)
    || wentWell(c.facts)));
  const words = !asked ? "Stop" : isDone(asked.facts) ? "Asked to stop" : "Stopping";
  return (
    <Button icon="stop" data-testid="cancel-turn" class="cancel-turn" busy={asked !== undefined && !isDone(asked.facts)}
      off={asked !== undefined || store.viewOnly.value !== undefined}
      title={asked ? "The agent was asked to stop; the turn has not ended yet" : "Asks the agent to stop this turn"}
      onClick={() => store.send({ case: "cancelTurn", value: { turnId } } as Body)}>{words}</Button>
  );
}
