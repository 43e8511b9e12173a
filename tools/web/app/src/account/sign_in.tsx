/** The page on which this browser is signed in. */
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../parts/index.ts";
import { who, type Visitor } from "./ask.ts";
import { ByCode } from "./by_code.tsx";
import { ByInvitation } from "./by_invitation.tsx";
import { ByToken } from "./by_token.tsx";
import { signedOutBy } from "./guard.ts";
import { invite, inviteFault } from "./invite.ts";

const whyWords = {
  revoked: "This device was revoked: somebody with this account took its sign-in back. What this browser had kept of its sessions is deleted.",
  expired: "The sign-in of this browser is over.",
  here: "Signed out. What this browser had kept of the sessions is deleted.",
} as const;

export function SignInPage() {
  const [visitor, setVisitor] = useState<Visitor | undefined>(undefined);
  const secret = invite.value;
  const why = signedOutBy.value;
  useEffect(() => {
    let over = false;
    who().then((found) => {
      if (!over) setVisitor(found);
    }, () => {}); // the forms say it when it matters
    return () => (over = true);
  }, [why]);
  return (
    <div class="page sign-in">
      <header class="page-head">
        {visitor?.signedIn && <a class="button quiet icon-only" href="#/" aria-label="All sessions" title="All sessions"><Icon name="back" /></a>}
        <h1>Sign in</h1>
        <span class="muted small one-line"><bdi>{location.host}</bdi></span>
      </header>
      <main class="page-body">
        {why && <p class={`notice${why === "revoked" ? " warn" : ""}`} role="status"><span>{whyWords[why]}</span></p>}
        {!navigator.cookieEnabled && (
          <p class="notice bad" role="alert" data-testid="no-cookies"><span>This browser blocks cookies, and the sign-in is one that no script can read. Allow cookies for this page, then reload it.</span></p>
        )}
        {inviteFault.value !== "" && <p class="notice bad" role="alert"><span>{inviteFault.value}</span></p>}
        {secret !== undefined && <ByInvitation key={secret} secret={secret} visitor={visitor} />}
        {secret === undefined && visitor?.signedIn && (
          <p class="notice"><span>This browser is signed in to account <b><bdi>{visitor.account}</bdi></b> as <bdi>{visitor.device}</bdi>.</span><a class="button primary" href="#/">Sessions</a></p>
        )}
        {secret === undefined && (
          <>
            <ByCode />
            <ByToken />
            <p class="muted small sign-in-hint">Or open a link that somebody makes for you on a device that is signed in: <b>Devices</b>, <b>Add a device</b>, or <code>remote devices invite</code>.</p>
          </>
        )}
      </main>
    </div>
  );
}
