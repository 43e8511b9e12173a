/** Signing this browser in. */
import { useState } from "preact/hooks";
import { Button } from "../parts/index.ts";
import { keptAccount } from "../offline/keys.ts";
import { go } from "../state/route.ts";
import { Refused, signInWithToken, who } from "./ask.ts";
import { takeWanted } from "./guard.ts";
import { clearKept } from "./kept.ts";
import { tell } from "./tabs.ts";

/** Signed in: nothing of whoever was here before is shown to the one who is here now. */
export async function arrived(): Promise<void> {
  const visitor = await who();
  if (keptAccount.value !== undefined && keptAccount.value !== visitor.account) await clearKept();
  tell("signed-in");
  go(takeWanted());
}

export function refusalWords(error: unknown): string {
  if (!(error instanceof Refused)) return String(error);
  const wait = error.retryAfterMs > 0 ? ` Wait ${Math.ceil(error.retryAfterMs / 1000)} s before the next try.` : "";
  return `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.${wait}`;
}

export function TokenForm() {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const token = String(new FormData(form).get("token") ?? "").trim();
    if (token === "" || busy) return;
    setBusy(true);
    setFault("");
    try {
      await signInWithToken(token);
      form.reset();
      await arrived();
    } catch (error) {
      setFault(refusalWords(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="sign-in-form" onSubmit={submit}>
      <div class="field">
        <label for="sign-in-token">Token</label>
        <input id="sign-in-token" name="token" type="password" autocomplete="off" spellcheck={false} autocapitalize="off"
          placeholder="rrt_…" data-testid="sign-in-token" aria-describedby="sign-in-fault" />
      </div>
      <p id="sign-in-fault" class="sign-in-fault" role="alert">{fault}</p>
      <Button submit kind="primary" busy={busy} data-testid="sign-in">Sign in</Button>
    </form>
  );
}

export function SignInPage() {
  return (
    <div class="page sign-in">
      <header class="page-head"><h1>Sign in</h1></header>
      <main class="page-body">
        <section class="card account-card" aria-labelledby="by-token">
          <h2 id="by-token">With a token</h2>
          <TokenForm />
        </section>
      </main>
    </div>
  );
}
