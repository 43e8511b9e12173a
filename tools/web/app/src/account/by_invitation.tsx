/** Signing in with the link with which the page was opened. It is used only when the person says so. */
import { useEffect, useState } from "preact/hooks";
import { Button } from "../parts/index.ts";
import { arrive } from "./arrive.ts";
import { lookAtInvitation, Refused, signInByInvitation, type InvitationFacts, type Visitor } from "./ask.ts";
import { Countdown, useLeft } from "./countdown.tsx";
import { nameFault, ownDeviceName } from "./device_name.ts";
import { invite, inviteFault } from "./invite.ts";
import { refusalWords } from "./words.ts";

/** It is over, used or taken back: the other ways to sign in are shown. */
function giveUp(error: Refused): void {
  inviteFault.value = refusalWords(error);
  invite.value = undefined;
}

export function ByInvitation({ secret, visitor }: { secret: string; visitor: Visitor | undefined }) {
  const [seen, setSeen] = useState<InvitationFacts | undefined>(undefined);
  const [name, setName] = useState(ownDeviceName);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let over = false;
    setFault("");
    lookAtInvitation(secret).then((found) => {
      if (!over) setSeen(found);
    }, (error: unknown) => {
      if (over) return;
      if (error instanceof Refused && error.code >= 3000) giveUp(error);
      else setFault(refusalWords(error));
    });
    return () => (over = true);
  }, [secret, tries]);
  const submit = async (event: Event) => {
    event.preventDefault();
    const wrong = nameFault(name);
    setFault(wrong ?? "");
    if (wrong || busy) return;
    if (!navigator.cookieEnabled) return setFault("This browser blocks cookies. Allow them for this page first: an invitation is good once.");
    setBusy(true);
    try {
      await signInByInvitation(secret, name.trim());
      invite.value = undefined;
      await arrive();
    } catch (error) {
      if (error instanceof Refused && error.code === 3001) giveUp(error);
      else setFault(refusalWords(error));
    } finally {
      setBusy(false);
    }
  };
  if (!seen)
    return (
      <section class="card account-card" aria-labelledby="by-invitation">
        <h2 id="by-invitation">You are invited</h2>
        {fault === "" ? <p class="muted">Looking at the invitation …</p> : (
          <>
            <p class="account-fault" role="alert">{fault}</p>
            <Button icon="refresh" onClick={() => setTries(tries + 1)}>Try again</Button>
          </>
        )}
      </section>
    );
  return (
    <section class="card account-card invited" aria-labelledby="by-invitation">
      <h2 id="by-invitation">Sign in to account <bdi>{seen.account}</bdi></h2>
      <p>at the relay <b><bdi>{location.host}</bdi></b>, by a link that {seen.by === "" ? "the relay’s operator" : <b><bdi>{seen.by}</bdi></b>} made. This browser will see and steer all sessions of that account.</p>
      {visitor?.signedIn && <p class="notice warn"><span>This browser is signed in already, to account <bdi>{visitor.account}</bdi> as <bdi>{visitor.device}</bdi>. That ends here if you go on.</span></p>}
      <form class="account-form" onSubmit={submit}>
        <div class="field">
          <label for="invited-name">Name of this device</label>
          <input id="invited-name" value={name} maxLength={63} autocomplete="off" data-testid="invite-name"
            onInput={(event) => setName(event.currentTarget.value)} />
        </div>
        <p class="account-fault" role="alert">{fault}</p>
        <Button submit kind="primary" busy={busy} data-testid="invite-accept">Sign in</Button>
        <Left until={seen.until} />
      </form>
    </section>
  );
}

function Left({ until }: { until: number }) {
  const left = useLeft(until);
  return <p class="muted small">{left > 0 ? <>The link is good for <Countdown seconds={left} />, once.</> : "The link is over. Ask for another one."}</p>;
}
