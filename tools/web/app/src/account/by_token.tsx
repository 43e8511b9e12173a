/** Signing in with a token that somebody was given. */
import { useState } from "preact/hooks";
import { Button } from "../parts/index.ts";
import { arrive } from "./arrive.ts";
import { signInWithToken } from "./ask.ts";
import { refusalWords } from "./words.ts";

export function ByToken() {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const token = String(new FormData(form).get("token") ?? "").trim();
    if (busy) return;
    if (token === "") {
      setFault("Paste a token first.");
      return;
    }
    setBusy(true);
    setFault("");
    try {
      await signInWithToken(token);
      form.reset();
      await arrive();
    } catch (error) {
      setFault(refusalWords(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="card account-card" aria-labelledby="by-token">
      <h2 id="by-token">With a token</h2>
      <p class="muted small">From the relay’s operator: <code>remote-relay token --device NAME</code>.</p>
      <form class="account-form" onSubmit={submit}>
        <div class="field">
          <label for="sign-in-token">Token</label>
          <input id="sign-in-token" name="token" type="password" autocomplete="off" spellcheck={false} autocapitalize="off"
            placeholder="rrt_…" data-testid="sign-in-token" aria-describedby="sign-in-fault" />
        </div>
        <p id="sign-in-fault" class="account-fault sign-in-fault" role="alert">{fault}</p>
        <Button submit busy={busy} data-testid="sign-in">Sign in</Button>
      </form>
    </section>
  );
}
