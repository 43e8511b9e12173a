/** No sessions yet: how to start one. */
import { Icon, toast } from "../parts/index.ts";
import { Button } from "../parts/button.tsx";

const COMMAND = "remote host --remote -- AGENT";

export function NoSessions() {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(COMMAND);
      toast("Copied");
    } catch {
      toast("The browser did not allow copying", { tone: "bad" });
    }
  };
  return (
    <section class="card sessions-empty">
      <h2><Icon name="terminal" /> No sessions yet</h2>
      <p>Start one on the machine where the agent is to work:</p>
      <p class="sessions-command"><code>{COMMAND}</code><Button icon="copy" onClick={() => void copy()}>Copy</Button></p>
      <p class="muted small">AGENT is any program that speaks the Agent Client Protocol. The session appears here by itself.</p>
    </section>
  );
}
