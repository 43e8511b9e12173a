/** All that is known about the way to the agent, as a list of facts. */
import { clockTime } from "../parts/index.ts";
import { relayNow } from "../parts/clock.ts";
import { ago } from "../parts/words.ts";
import { facts, relayUrl } from "../state/link.ts";
import type { SessionModel } from "../state/session.ts";
import { entryOf } from "../state/sessions.ts";
import { hostOf, viewOnlyOf } from "./facts.ts";
import { attachedDevices, moreAttached } from "./host_words.ts";
import type { LinkWords } from "./link_words.ts";
import type { ProbeResult } from "./probe.ts";

export function PresenceDetails({ words, model, result }: { words: LinkWords; model?: SessionModel; result?: ProbeResult | undefined }) {
  const welcome = facts.value?.welcome;
  const status = model?.status.value;
  const only = model && viewOnlyOf(model);
  const activity = Number((model && entryOf(model.id)?.activityMs) ?? 0);
  const rows: [string, string][] = [
    ["Relay", [new URL(relayUrl()).host, welcome?.agent, words.detail || words.line].filter(Boolean).join(" · ")],
  ];
  const host = model && hostOf(model);
  if (host) rows.push(["Host", host.detail]);
  if (activity > 0) rows.push(["Last event", ago(activity, relayNow.value)]);
  if (status) {
    rows.push(["Commands", `${status.commandsStored} stored, ${status.commandsDelivered} delivered`]);
    rows.push(["You may", host?.state === "off" ? "read what was shared; remote control is off" : only ? `only watch: ${only}` : "steer"]);
  }
  if (welcome?.principal) rows.push(["Signed in", `${welcome.principal.account} on ${welcome.principal.device}`]);
  const clock = facts.value?.clockOffset ?? 0;
  if (Math.abs(clock) > 60_000) rows.push(["Clocks", `this device's clock differs from the relay's by ${Math.round(Math.abs(clock) / 60_000)} min`]);
  return (
    <div class="presence-details">
      {result && (
        <p class="presence-probe" role="status" data-testid="probe-result" aria-busy={result.running}>
          {[result.relay, result.host].filter(Boolean).join("; ")}
        </p>
      )}
      <dl>
        {rows.map(([name, text]) => (
          <div key={name}><dt>{name}</dt><dd><bdi>{text}</bdi></dd></div>
        ))}
        {status && (
          <div>
            <dt>Attached</dt>
            <dd>
              <ul class="presence-devices">
                {attachedDevices(status, welcome?.principal?.deviceId).map((device) => (
                  <li key={`${device.host} ${device.name} ${device.since}`}>
                    <bdi dir="ltr"><bdi>{device.name}</bdi>{device.host ? " (host)" : device.here ? " (this device)" : ""}, since {clockTime(device.since)}</bdi>
                  </li>
                ))}
                {moreAttached(status) && <li>{moreAttached(status)}</li>}
              </ul>
            </dd>
          </div>
        )}
      </dl>
    </div>
  );
}
