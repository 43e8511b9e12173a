/** What speaks to what. */
import { AGENT, facts, relayUrl } from "../state/link.ts";

export function About() {
  const welcome = facts.value?.welcome;
  const rows: [string, string][] = [
    ["This page", AGENT],
    ["Relay", `${new URL(relayUrl()).host}${welcome ? ` · ${welcome.agent}` : " · not connected"}`],
    ["Protocol", welcome ? `remote.v${welcome.version}` : "not agreed yet"],
  ];
  if (welcome?.principal) rows.push(["Signed in", `${welcome.principal.account} on ${welcome.principal.device}`]);
  return (
    <section class="card settings-card" aria-labelledby="settings-about">
      <h2 id="settings-about">About</h2>
      <dl class="settings-facts">
        {rows.map(([name, text]) => <div key={name}><dt>{name}</dt><dd><bdi>{text}</bdi></dd></div>)}
      </dl>
    </section>
  );
}
