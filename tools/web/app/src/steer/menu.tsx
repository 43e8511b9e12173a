/** What else can be done with a session: its name, slash commands, the end of remote control, deletion. */
import { useState } from "preact/hooks";
import { CallError, unhex } from "@libremote/link";
import { Button, Confirm, Dialog, IconButton, toast } from "../parts/index.ts";
import { codeWords } from "../parts/codes.ts";
import { go } from "../state/route.ts";
import type { SessionModel } from "../state/session.ts";
import { utf8Bytes } from "./answers.ts";
import { CommandRow } from "./commands.tsx";
import { Foreign } from "./foreign.tsx";
import { plainText } from "./foreign.ts";
import { steering, type Body, type SteerStore } from "./store.ts";

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
      {barred > 0 && <p class="small muted">{barred === 1 ? "1 more is"
        : `${barred} more are`} not allowed from here; the host decides which are.</p>}
    </section>
  );
}

async function deleteSession(model: SessionModel): Promise<string | undefined> {
  try {
    await model.session.connection.call({ case: "deleteSession", value: { $typeName: "remote.v1.DeleteSession",
      sessionId: unhex(model.id) } });
    return undefined;
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    if (!error.problem) return "the connection was lost before the answer came; look whether it is still listed";
    return plainText(error.problem.reason) || codeWords(error.problem.code).words;
  }
}

export function SessionMenu({ model }: { model: SessionModel }) {
  const store = steering(model);
  const [open, setOpen] = useState(false);
  const [asking, setAsking] = useState<"end" | "delete" | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const why = store.viewOnly.value;
  const live = store.around.value.live;
  const ended = model.view.value?.ended === true;
  const ending = model.commands.value.filter((c) => c.body.case === "endRemote").slice(-1)[0];
  const close = () => setOpen(false);
  const remove = async () => {
    setBusy(true);
    const problem = await deleteSession(model);
    setBusy(false);
    setAsking(undefined);
    if (problem !== undefined) toast(`It was not deleted: ${problem}`, { tone: "bad" });
    else {
      toast("The session was deleted", { tone: "good" });
      go("#/");
    }
  };
  return (
    <>
      <IconButton icon="more" label="More about this session" data-testid="session-menu" aria-haspopup="dialog"
        onClick={() => setOpen(true)} />
      <Dialog open={open} title="This session" onClose={close} class="session-menu">
        {open && (
          <div class="menu-body">
            {why !== undefined && <p class="ask-view-only">You can only watch: {why}.</p>}
            <Rename store={store} onDone={close} />
            <Slash store={store} onDone={close} />
            <section class="menu-end">
              <h3>End</h3>
              {!ended && <Button icon="cut" data-testid="end-remote" off={why !== undefined}
                onClick={() => setAsking("end")}>End remote control</Button>}
              <Button kind="danger" icon="trash" data-testid="delete-session" off={!live} title={live ? "" : "Not connected"}
                onClick={() => setAsking("delete")}>Delete the session here</Button>
              {ending && <CommandRow store={store} command={ending} />}
            </section>
          </div>
        )}
      </Dialog>
      <Confirm open={asking === "end"} title="End remote control?" action="End it" danger onClose={() => setAsking(undefined)}
        onConfirm={() => {
        if (store.send({ case: "endRemote", value: {} } as Body) !== undefined) setAsking(undefined);
      }}>
        <p>The session goes on at its host, but nobody can watch or steer it from afar. Only a person at the host can turn it on again.</p>
      </Confirm>
      <Confirm open={asking === "delete"} title="Delete this session?" action="Delete it" danger busy={busy}
        onClose={() => setAsking(undefined)} onConfirm={() => void remove()}>
        <p>What the relay keeps of it is deleted for everybody: its messages, files and history. What the agent did on its host
          stays done. This cannot be undone.</p>
      </Confirm>
    </>
  );
}
