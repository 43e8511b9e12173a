import { Foreign } from "./foreign.tsx";

/** A plan, apart from the card's own rows: its text cannot look like an option. */
export function PlanText({ text }: { text: string }) {
  return <div class="plan-text" tabindex={0} role="region" aria-label="the plan"><Foreign text={text} prose /></div>;
}
