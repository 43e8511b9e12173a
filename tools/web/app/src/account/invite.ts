/**
 * The invitation with which the page was opened, `#/sign-in/rri_…`. It leaves the address and the history before anything
 * else happens: what is copied from there later signs nobody in.
 */
import { signal } from "@preact/signals";

const FORM = /^#\/sign-in\/(rri_[0-9a-f]{32})$/;

/** undefined: none was brought, or it is done with. */
export const invite = signal<string | undefined>(undefined);
/** Why the one that was brought does not count; empty: nothing to say. */
export const inviteFault = signal("");

function take(): void {
  const found = FORM.exec(location.hash);
  if (!found) return;
  invite.value = found[1];
  inviteFault.value = "";
  history.replaceState(history.state, "", "#/sign-in");
}

take();
// Before whoever reads the route.
addEventListener("hashchange", take, { capture: true });
