/** Confirming a device that shows a code. Which device asks is shown first: a name can be anybody's. */
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { PairingEntry } from "@libremote/link/messages";
import { Button, RelativeTime } from "../parts/index.ts";
import { announce } from "../parts/toast.tsx";
import { facts } from "../state/link.ts";
import { go } from "../state/route.ts";
import { callWords, decidePairing, describePairing } from "./calls.ts";
import { refresh } from "./devices_state.ts";

/** What was decided last: it stays to be read when the code leaves the address. */
export const done = signal("");

const plain = (code: string): string => code.toUpperCase().replace(/[^A-Z]/g, "");

export function ConfirmCode({ code: given }: { code?: string }) {
  const [code, setCode] = useState(given ?? "");
  const [entry, setEntry] = useState<PairingEntry | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const live = facts.value?.phase === "live" && facts.value.welcome?.principal !== undefined;
  const look = async (asked: string) => {
    if (plain(asked).length !== 8) {
      setFault("A code has eight letters, like BCDF-GHJK.");
      return;
    }
    setBusy(true);
    setFault("");
    done.value = "";
    try {
      setEntry(await describePairing(asked));
    } catch (error) {
      setFault(callWords(error));
    } finally {
      setBusy(false);
    }
  };
  // From a QR code: looked at as soon as there is a link. Confirmed it is by a person only.
  useEffect(() => {
    if (given === undefined || !live) return;
    setCode(given);
    void look(given);
  }, [given, live]);
  const decide = async (deny: boolean) => {
    setBusy(true);
    try {
      await decidePairing(code, deny);
      const text = deny ? "Refused: its code is worth nothing any more." : `Confirmed: ${entry?.device ?? "it"} signs in by itself.`;
      done.value = text;
      announce(text);
      setEntry(undefined);
      setCode("");
      if (given !== undefined) go("#/devices");
      void refresh();
    } catch (error) {
      setFault(callWords(error));
      setEntry(undefined);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="card account-card" aria-labelledby="confirm-code">
      <h2 id="confirm-code">A device shows a code</h2>
      {entry ? (
        <div class="pairing-entry" data-testid="pairing-entry">
          <p>This device asks to be signed in to account <b><bdi>{facts.value?.welcome?.principal?.account}</bdi></b>:</p>
          <dl class="account-facts">
            <dt>name it gave itself</dt><dd><bdi>{entry.device}</bdi></dd>
            <dt>address</dt><dd><bdi>{entry.address}</bdi></dd>
            <dt>with</dt><dd><bdi>{entry.surface}</bdi></dd>
            <dt>asked</dt><dd><RelativeTime at={entry.askedMs} /></dd>
          </dl>
          <p class="notice warn"><span>It will see and steer all your sessions. Confirm only a code that you see on a device in front of you.</span></p>
          <div class="account-actions">
            <Button busy={busy} kind="danger" onClick={() => decide(true)} data-testid="pair-deny">Refuse</Button>
            <Button busy={busy} kind="primary" onClick={() => decide(false)} data-testid="pair-confirm">It is in front of me: sign it in</Button>
          </div>
        </div>
      ) : (
        <form class="code-form" onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void look(code);
        }}>
          <label for="confirm-code-input" class="hidden-words">Code</label>
          <input id="confirm-code-input" class="mono" value={code} placeholder="BCDF-GHJK" maxLength={12} autocomplete="off" autocapitalize="characters"
            spellcheck={false} data-testid="pair-code-input" aria-describedby="confirm-code-fault" onInput={(event) => setCode(event.currentTarget.value)} />
          <Button submit busy={busy} data-testid="pair-look">Look</Button>
        </form>
      )}
      <p id="confirm-code-fault" class="account-fault" role="alert">{fault}</p>
      {done.value !== "" && <p class="notice good"><span>{done.value}</span></p>}
    </section>
  );
}
