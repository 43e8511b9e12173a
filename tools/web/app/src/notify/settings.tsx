/** Notifications in the settings: on or off on this browser, what of, and what they say. */
import { useState } from "preact/hooks";
import { Button, RelativeTime, toast } from "../parts/index.ts";
import { connection, facts } from "../state/link.ts";
import { hindrance, pushState, settle, tryIt, turnOff, turnOn } from "./subscription.ts";
import { wish, wishes, type Wishes } from "./wishes.ts";

const choices: readonly { name: "asks" | "done" | "errors" | "text"; label: string; about: string }[] = [
  { name: "asks", label: "An agent needs an answer", about: "One notification a question; it goes away when somebody has answered." },
  { name: "done", label: "A turn has ended", about: "When an agent has finished what it was told to do." },
  { name: "errors", label: "An agent has failed", about: "A person must look." },
  { name: "text", label: "Say what is asked", about: "With the session's title and the question. Whoever sees the screen can read it." },
];

export function NotificationSettings() {
  const [busy, setBusy] = useState(false);
  const link = connection.value;
  const live = facts.value?.phase === "live";
  const now = wishes.value;
  const run = (what: () => Promise<void>) => {
    setBusy(true);
    what().catch((error: unknown) => toast(error instanceof Error ? error.message : "That did not work.", { tone: "bad" })).finally(() => setBusy(false));
  };
  const choose = (name: (typeof choices)[number]["name"], value: boolean) => {
    wish({ [name]: value } as Partial<Wishes>);
    if (link && live) run(() => settle(link));
  };
  const why = hindrance();
  return (
    <section class="card settings-card notify" aria-labelledby="settings-notify">
      <h2 id="settings-notify">Notifications</h2>
      {now.on && !why ? (
        <>
          <State />
          {choices.map(({ name, label, about }) => (
            <label class="notify-choice" key={name}>
              <input type="checkbox" checked={now[name]} disabled={busy} onChange={(event) => choose(name, event.currentTarget.checked)} />
              <span><span>{label}</span><small>{about}</small></span>
            </label>
          ))}
          <p class="notify-quiet">Nothing is said while somebody uses the session: at its terminal, or here.</p>
          <div class="notify-buttons">
            <Button onClick={() => link && run(() => tryIt(link))} busy={busy} off={!link || !live} data-testid="notify-test">Send a test</Button>
            <Button onClick={() => run(() => turnOff(link))} busy={busy} data-testid="notify-off">Turn off here</Button>
          </div>
        </>
      ) : (
        <>
          <p>{why ?? "This browser can tell you when an agent needs an answer, also while the page is closed."}</p>
          {!why && pushState.value.is === "off" && pushState.value.why && <p class="notify-bad">{pushState.value.why}</p>}
          <div class="notify-buttons">
            <Button kind="primary" onClick={() => link && run(() => turnOn(link))} busy={busy} off={why !== undefined || !link || !live}
              data-testid="notify-on">Turn on</Button>
          </div>
        </>
      )}
    </section>
  );
}

function State() {
  const state = pushState.value;
  switch (state.is) {
    case "pushed":
      return (
        <p data-testid="notify-state" data-state="pushed">
          On, also while the page is closed.{" "}
          {state.sentMs > 0 && <>The last one was passed on <RelativeTime at={state.sentMs} />.</>}
        </p>
      );
    case "open-only":
      return <p data-testid="notify-state" data-state="open-only">{state.why}</p>;
    default:
      return <p data-testid="notify-state" data-state="unknown">On. The relay is told as soon as it is connected.</p>;
  }
}
