/** Signing this browser out, or every device of the account. */
import { useState } from "preact/hooks";
import { Button } from "../parts/index.ts";
import { Confirm } from "../parts/dialog.tsx";
import { facts } from "../state/link.ts";
import { signOut } from "./ask.ts";
import { tell } from "./tabs.ts";
import { refusalWords } from "./words.ts";

export function SignOut() {
  const [asking, setAsking] = useState<"here" | "everywhere" | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const account = facts.value?.welcome?.principal?.account;
  const out = async () => {
    setBusy(true);
    setFault("");
    try {
      await signOut(asking === "everywhere");
      tell("signed-out");
    } catch (error) {
      setFault(refusalWords(error));
    } finally {
      setBusy(false);
      setAsking(undefined);
    }
  };
  return (
    <section class="card account-card" aria-labelledby="sign-out">
      <h2 id="sign-out">Sign out</h2>
      <div class="account-actions">
        <Button icon="sign-out" onClick={() => setAsking("here")} data-testid="sign-out">Sign out here</Button>
        <Button kind="danger" onClick={() => setAsking("everywhere")} data-testid="sign-out-everywhere">Sign out everywhere</Button>
      </div>
      <p class="account-fault" role="alert">{fault}</p>
      <Confirm open={asking === "here"} title="Sign out here?" action="Sign out" danger busy={busy} onConfirm={out} onClose={() => setAsking(undefined)}>
        <p>All tabs of this browser are signed out, and what it has kept of the sessions is deleted. To come back it has to be added again.</p>
      </Confirm>
      <Confirm open={asking === "everywhere"} title="Sign out everywhere?" action="Sign out all devices" danger busy={busy} onConfirm={out} onClose={() => setAsking(undefined)}>
        <p>Every device of account <b><bdi>{account}</bdi></b> is revoked at once, the machines that run sessions too: those sessions go on there, without remote control. Open links and codes are void.</p>
        <p>To sign in again you need the relay’s operator, or its identity provider.</p>
      </Confirm>
    </section>
  );
}
