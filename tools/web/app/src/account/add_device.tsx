/** A link that signs another browser in, and its QR code. */
import { hex } from "@libremote/link";
import { useEffect, useState } from "preact/hooks";
import { Button, RelativeTime } from "../parts/index.ts";
import { callWords, endInvitation, makeInvitation } from "./calls.ts";
import { CopyText } from "./copy.tsx";
import { Countdown, useLeft } from "./countdown.tsx";
import { devices, invitations, invitationsAt, refresh } from "./devices_state.ts";
import { Qr } from "./qr.tsx";

interface Made {
  id: string;
  link: string;
  at: number;
  until: number;
}

/** Where this page is, as this browser knows it; behind a loopback name no phone finds it, then what the relay says. */
function linkOf(secret: string, page: string): string {
  const here = new URL("./", document.baseURI);
  const near = /^(localhost|127\..*|\[::1\])$/.test(here.hostname);
  let base = here;
  if (near && page !== "") {
    try {
      base = new URL(page);
    } catch {
      base = here;
    }
  }
  return new URL(`#/sign-in/${secret}`, base).href;
}

export function AddDevice() {
  const [made, setMade] = useState<Made | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const [used, setUsed] = useState(false);
  const open = invitations.value;
  // It is gone from the list without our doing: somebody has used it.
  useEffect(() => {
    if (!made || open.some((one) => hex(one.invitationId) === made.id) || Date.now() >= made.until || invitationsAt.value <= made.at) return;
    setMade(undefined);
    setUsed(true);
  }, [open]);
  // While the code is shown, who is new shows soon.
  useEffect(() => {
    if (!made) return;
    const timer = setInterval(() => void refresh(), 3_000);
    return () => clearInterval(timer);
  }, [made?.id]);
  const make = async () => {
    setBusy(true);
    setFault("");
    setUsed(false);
    try {
      const invitation = await makeInvitation();
      const at = Date.now();
      setMade({ id: hex(invitation.invitationId), link: linkOf(invitation.secret, invitation.page), at, until: at + Number(invitation.expiresInMs) });
      await refresh();
    } catch (error) {
      setFault(callWords(error));
    } finally {
      setBusy(false);
    }
  };
  const end = async (id: string) => {
    if (made?.id === id) setMade(undefined);
    try {
      await endInvitation(id);
    } catch (error) {
      setFault(callWords(error));
    }
    await refresh();
  };
  const others = open.filter((one) => hex(one.invitationId) !== made?.id);
  return (
    <section class="card account-card" aria-labelledby="add-device">
      <h2 id="add-device">Add a device</h2>
      {made ? <Shown made={made} onEnd={() => void end(made.id)} /> : (
        <>
          <p>Makes a link, and a QR code of it, that signs one browser in to this account.</p>
          {used && <p class="notice good" role="status"><span>The link was used{devices.value?.[0] ? ": the new device is in the list." : "."}</span></p>}
          <Button kind="primary" icon="plus" busy={busy} onClick={make} data-testid="invite">Add a device</Button>
        </>
      )}
      <p class="account-fault" role="alert">{fault}</p>
      {others.length > 0 && (
        <ul class="open-invitations">
          {others.map((one) => (
            <li key={hex(one.invitationId)}>
              <span>A link that <bdi>{one.device === "" ? "the relay’s operator" : one.device}</bdi> made <RelativeTime at={one.madeMs} /> is open.</span>
              <Button onClick={() => void end(hex(one.invitationId))}>Take back</Button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Shown({ made, onEnd }: { made: Made; onEnd(): void }) {
  const left = useLeft(made.until);
  if (left === 0)
    return (
      <>
        <p class="notice warn"><span>The link is over.</span></p>
        <Button onClick={onEnd}>Close</Button>
      </>
    );
  return (
    <div class="invitation">
      <div data-testid="invite-qr" data-link={made.link}><Qr text={made.link} label="QR code of the link that signs a device in" /></div>
      <p>Scan it with the device that is to be added, or open the link there. It is good once, for <Countdown seconds={left} />.</p>
      <CopyText text={made.link} label="Link that signs a device in" share="Sign in to the relay" />
      <p class="notice warn"><span>Whoever opens it sees and steers all your sessions: give it to nobody else.</span></p>
      <Button onClick={onEnd}>Take it back</Button>
    </div>
  );
}
