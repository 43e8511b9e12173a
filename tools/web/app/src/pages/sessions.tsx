import { hex } from "@libremote/link";
import { listed, sessions } from "../state/sessions.ts";

export function SessionsPage() {
  return (
    <main class="sessions">
      <h1>Sessions</h1>
      {listed.value && sessions.value.length === 0 && <p>No sessions yet. Start one with <code>remote host --remote -- AGENT</code>.</p>}
      <ul>
        {sessions.value.map((entry) => (
          <li key={hex(entry.sessionId)}>
            <a href={`#/s/${hex(entry.sessionId)}`}>{entry.info?.title || entry.description?.cwd.toString() || "Session"}</a>
          </li>
        ))}
      </ul>
    </main>
  );
}
