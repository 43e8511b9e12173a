/** No sessions yet: how to start one. */
import { Icon, toast } from "../parts/index.ts";
import { Button } from "../parts/button.tsx";
import { relayUrl } from "../state/link.ts";
import { startCommands } from "./start_words.ts";

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    toast("The browser did not allow copying", { tone: "bad" });
  }
}

function Command({ text, id }: { text: string; id: string }) {
  return (
    <p class="sessions-command">
      <code dir="ltr" data-testid={id}>{text}</code>
      <Button icon="copy" aria-label={`Copy: ${text}`} onClick={() => void copy(text)}>Copy</Button>
    </p>
  );
}

export function NoSessions() {
  const { login, host, insecure } = startCommands(relayUrl());
  return (
    <section class="card sessions-empty" data-testid="no-sessions">
      <h2><Icon name="terminal" /> No sessions yet</h2>
      <p>On the machine where the agent is to work, sign in once. It shows a code, which you confirm here under <a href="#/devices">Devices</a>:</p>
      <Command text={login} id="start-login" />
      <p>Then start the agent there. The session appears here by itself:</p>
      <Command text={host} id="start-host" />
      <p class="muted small">AGENT is any program that speaks the Agent Client Protocol, with its arguments: <code>opencode acp</code>, for example.</p>
      {insecure && <p class="muted small">This page came unencrypted, so <code>--insecure</code> is needed, and the way can be read along: use it in a network that you trust.</p>}
    </section>
  );
}
