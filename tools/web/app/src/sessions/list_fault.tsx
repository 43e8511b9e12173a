/** The relay is there and does not list the sessions: why, since when, and what happens next. */
import { Button, clockTime, Icon } from "../parts/index.ts";
import { problemWords } from "../presence/problems.ts";
import { listAgain, listed, listFault, listKeptAt, sessions } from "../state/sessions.ts";

export function ListFault() {
  const fault = listFault.value;
  if (!fault) return null;
  const words = fault.problem && problemWords(fault.problem);
  const shown = sessions.value.length > 0;
  return (
    <section class="card sessions-fault" role="alert" data-testid="list-fault">
      <h2><Icon name="warning" /> {listed.value || shown ? "The list is not kept up to date" : "The sessions cannot be listed"}</h2>
      <p>
        The relay says: {words?.what ?? "it has stopped telling what changes"}. {words?.todo} It is asked again by itself.
        {shown && ` What stands below is as of ${clockTime(listKeptAt.value ?? fault.since)}.`}
      </p>
      <div class="failed-actions">
        <Button kind="primary" icon="refresh" onClick={listAgain}>Ask again now</Button>
        {words?.action === "reload" && <Button onClick={() => location.reload()}>Reload the page</Button>}
        {words?.action === "sign-in" && <a class="button" href="#/sign-in">Sign in</a>}
      </div>
    </section>
  );
}
