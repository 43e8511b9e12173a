import "./account/invite.ts"; // first: it takes a secret out of the address
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { watchSignIn } from "./account/guard.ts";
import { watchTabs } from "./account/tabs.ts";
import { Boundary } from "./frame/boundary.tsx";
import { lazy } from "./frame/lazy.tsx";
import { LinkMissing, LinkStopped } from "./frame/link_failed.tsx";
import { keepTitle } from "./frame/title.ts";
import { watchViewport } from "./frame/viewport.ts";
import { followWorker, registerWorker } from "./frame/worker.ts";
import { keepAccount } from "./offline/keys.ts";
import { SessionsPage } from "./pages/sessions.tsx";
import { Toasts } from "./parts/toast.tsx";
import { watchReach } from "./presence/reach.ts";
import { watchInstall } from "./settings/install.ts";
import { applyPreferences } from "./settings/preferences.ts";
import { connect, facts } from "./state/link.ts";
import { route, type Route } from "./state/route.ts";
import { keepSessions, watchSessions } from "./state/sessions.ts";

// What is not shown at once is fetched when it is.
const SessionPage = lazy(async () => (await import("./pages/session.tsx")).SessionPage);
// A notification leads to a session: its page is fetched before anything is drawn. That it cannot be had is said where it is shown.
if (route.peek().page === "session") import("./pages/session.tsx").catch(() => {});
const SignInPage = lazy(async () => (await import("./account/sign_in.tsx")).SignInPage);
const DevicesPage = lazy(async () => (await import("./account/devices.tsx")).DevicesPage);
const SettingsPage = lazy(async () => (await import("./pages/settings.tsx")).SettingsPage);

const fatal = signal<{ kind: "missing" | "stopped"; error: unknown; retry?: () => void } | undefined>(undefined);

function Page() {
  const at = route.value;
  switch (at.page) {
    case "session":
      return <SessionPage id={at.id} key={at.id} />;
    case "sign-in":
      return <SignInPage />;
    case "devices":
      return <DevicesPage {...(at.code ? { code: at.code } : {})} />;
    case "settings":
      return <SettingsPage />;
    default:
      return <SessionsPage />;
  }
}

/** What went wrong in one place is not said of the next one. */
const placeOf = (at: Route): string => (at.page === "session" ? at.id : at.page);

function App() {
  const fault = fatal.value;
  if (fault) return fault.kind === "missing" ? <LinkMissing error={fault.error} onRetry={fault.retry} /> : <LinkStopped error={fault.error} />;
  return (
    <>
      <Boundary key={placeOf(route.value)}><Page /></Boundary>
      <Toasts />
    </>
  );
}

// A trap in the module comes out of whichever call ran into it; nothing it holds counts from then on.
const trapped = (error: unknown) => {
  if (typeof WebAssembly !== "undefined" && error instanceof WebAssembly.RuntimeError) fatal.value = { kind: "stopped", error };
};
addEventListener("error", (event) => trapped(event.error));
addEventListener("unhandledrejection", (event) => trapped(event.reason));

applyPreferences();
watchInstall();
// What is kept in this browser belongs to whoever was signed in last.
effect(() => {
  const account = facts.value?.welcome?.principal?.account;
  if (account !== undefined) keepAccount(account);
});
watchTabs();
followWorker();
watchSignIn();
keepSessions();
watchViewport();
keepTitle();
render(<App />, document.getElementById("app")!);
async function start(): Promise<void> {
  try {
    const opened = await connect();
    fatal.value = undefined;
    watchSessions(opened);
    watchReach(opened);
    void import("./state/models.ts").then((models) => models.keepModels(opened), () => {}); // offline, before the worker has it: nothing is held either
    registerWorker(opened);
    void import("./notify/start.ts").then((notify) => notify.startNotifications(opened), () => {});
  } catch (error) {
    fatal.value = { kind: "missing", error, retry: () => void start() };
    // A network that returns may bring it.
    addEventListener("online", () => void start(), { once: true });
  }
}
void start();
