/** What policy allows for this account, and who decided. */
import { EnterpriseMode, Layer, PolicyValue, type PolicyRule } from "@libremote/link/messages";
import { policy } from "./devices_state.ts";

const valueWords: Readonly<Record<PolicyValue, string>> = {
  [PolicyValue.UNSPECIFIED]: "not configured, which counts as disabled",
  [PolicyValue.DISABLED]: "neither watching nor steering",
  [PolicyValue.VIEW]: "watching only",
  [PolicyValue.VIEW_AND_CONTROL]: "watching and steering",
};

const layerNames: Partial<Record<Layer, string>> = {
  [Layer.ENTERPRISE]: "Enterprise", [Layer.ORGANIZATION]: "Organization", [Layer.ACCOUNT]: "Account",
  [Layer.SESSION]: "Session", [Layer.DEVICE]: "Device",
};

const ruleWords = (rule: PolicyRule): string =>
  (rule.layer === Layer.ENTERPRISE && rule.mode !== EnterpriseMode.ENFORCE ? "leaves it to its organizations" : `allows ${valueWords[rule.value] ?? "what this page does not know"}`);

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;

export function PolicyCard() {
  const now = policy.value;
  if (!now?.effective) return null;
  const decided = layerNames[now.effective.decidedBy];
  return (
    <section class="card account-card" aria-labelledby="policy" data-testid="policy">
      <h2 id="policy">What is allowed</h2>
      <p>The relay allows this account <b>{valueWords[now.effective.value] ?? "what this page does not know"}</b>{decided ? <>. Decided by: {decided.toLowerCase()}</> : null}.</p>
      {now.effective.explanation !== "" && <p class="muted small">{sentence(now.effective.explanation)}</p>}
      {now.rules.length > 0 && (
        <ul class="policy-rules small">
          {now.rules.map((rule, at) => (
            <li key={at}>{layerNames[rule.layer] ?? "Another layer"} <bdi>{rule.name}</bdi> {ruleWords(rule)}</li>
          ))}
        </ul>
      )}
      <p class="muted small">A session’s own mode and the machine that hosts it can allow less.</p>
    </section>
  );
}
