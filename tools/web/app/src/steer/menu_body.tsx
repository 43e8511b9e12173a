/** What stands in the menu of a session: fetched when it is first opened. */
import { useState } from "preact/hooks";
import { Button } from "../parts/index.ts";
import { utf8Bytes } from "./answers.ts";
import { CommandRow } from "./commands.tsx";
import { Foreign } from "./foreign.tsx";
import type { Body, SteerStore } from "./store.ts";

const TITLE_BYTES_MAX = 127;

function Rename({ store, onDone }: { store: SteerStore; onDone(): void }) {
  const [title, setTitle] = useState(store.model.view.value?.title ?? "");
  const long = utf8Bytes(title) > TITLE_BYTES_MAX;
  const off = long || title.trim() === "" || store.viewOnly.value !== undefined;
  return (
    <form class="menu-rename" onSubmit={(event) => {
      event.preventDefault();
      if (!off && store.send({ case: "setTitle", value: { title: title.trim() } } as Body) !== undefined) onDone();
    }}>
      <label class="field">
        <span>Name of the session</span>
        <input type="text" data-testid="rename-input" value={title} aria-invalid={long || undefined}
          onInput={(event) => setTitle(event.currentTarget.value)} />
      </label>
      {long && <p class="problem small">A name may have 127 bytes; this one has more.</p>}
      <Button submit icon="edit" data-testid="rename-send" off={off}>Rename</Button>
    </form>
  );
}

function Slash({ store, onDone }: { store: SteerStore; onDone(): void }) {
  const commands = store.model.view.value?.slashCommands ?? [];
  const allowed = commands.filter((c) => c.remoteAllowed);
  const barred = commands.length - allowed.length;
  if (commands.length === 0) return null;
  return (
    <section class="menu-slash">
      <h3>Slash commands</h3>
      <ul class="menu-list">
        {allowed.map((c) => (
          <li key={c.name}>
            <Button kind="quiet" class="menu-item" data-testid="slash-command" data-name={c.name} off={store.viewOnly.value !== undefined}
              onClick={() => {
              store.putBack(`/${c.name}${c.inputHint ? " " : ""}`);
              onDone();
            }}>
              <code>/<Foreign text={c.name} oneLine /></code> <span class="small muted"><Foreign
                text={c.description} oneLine prose /></span>
            </Button>
          </li>
        ))}
      </ul>
      {barred > 0 && <p class="small muted">{barred}{allowed.length > 0 ? " more" : ""} {barred === 1 ? "is" : "are"} not allowed from here; the host decides which are.</p>}
    </section>
  );
}

interface Props {
  store: SteerStore;
  /** The newest command that ends remote control. */
  ending: SteerStore["model"]["commands"]["value"][number] | undefined;
  onDone(): void;
  onAsk(what: "end" | "delete"): void;
}

export function MenuBody({ store, ending, onDone, onAsk }: Props) {
  const why = store.viewOnly.value;
  const live = store.around.value.live;
  const ended = store.model.view.value?.ended === true;
  return (
    <div class="menu-body">
      {why !== undefined && <p class="ask-view-only">{why}</p>}
      <Rename store={store} onDone={onDone} />
      <Slash store={store} onDone={onDone} />
      <section class="menu-end">
        <h3>End</h3>
        {!ended && <Button icon="cut" data-testid="end-remote" off={why !== undefined}
          onClick={() => onAsk("end")}>End remote control</Button>}
        <Button kind="danger" icon="trash" data-testid="delete-session" off={!live} title={live ? "" : "Not connected"}
          onClick={() => onAsk("delete")}>Delete the session here</Button>
        {ending && <CommandRow store={store} command={ending} />}
      </section>
    </div>
  );
}
