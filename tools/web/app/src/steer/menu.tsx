/** What else can be done with a session: its name, slash commands, the end of remote control, deletion. */
import { useState } from "preact/hooks";
import { CallError, unhex } from "@libremote/link";
import { lazy } from "../frame/lazy.tsx";
import { Confirm, Dialog, IconButton, toast } from "../parts/index.ts";
import { codeWords } from "../parts/codes.ts";
import { go } from "../state/route.ts";
import type { SessionModel } from "../state/session.ts";
import { plainText } from "./foreign.ts";
import { steering, type Body } from "./store.ts";

const MenuBody = lazy(async () => (await import("./menu_body.tsx")).MenuBody);

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
  const [fault, setFault] = useState("");
  const ending = model.commands.value.filter((c) => c.body.case === "endRemote").slice(-1)[0];
  const close = () => setOpen(false);
  const remove = async () => {
    setBusy(true);
    setFault("");
    const problem = await deleteSession(model);
    setBusy(false);
    if (problem !== undefined) setFault(`It was not deleted: ${problem}`);
    else {
      setAsking(undefined);
      toast("The session was deleted", { tone: "good" });
      go("#/");
    }
  };
  return (
    <>
      <IconButton icon="more" label="More about this session" data-testid="session-menu" aria-haspopup="dialog"
        onClick={() => setOpen(true)} />
      <Dialog open={open} title="This session" onClose={close} class="session-menu">
        {open && <MenuBody store={store} ending={ending} onDone={close} onAsk={setAsking} />}
      </Dialog>
      <Confirm open={asking === "end"} title="End remote control?" action="End it" danger onClose={() => setAsking(undefined)}
        onConfirm={() => {
        if (store.send({ case: "endRemote", value: {} } as Body) !== undefined) setAsking(undefined);
      }}>
        <p>The session goes on at its host, but nobody can watch or steer it from afar. Only a person at the host can turn it on again.</p>
      </Confirm>
      <Confirm open={asking === "delete"} title="Delete this session?" action="Delete it" danger busy={busy} fault={fault}
        onClose={() => {
          setAsking(undefined);
          setFault("");
        }} onConfirm={() => void remove()}>
        <p>What the relay keeps of it is deleted for everybody: its messages, files and history. What the agent did on its host
          stays done. This cannot be undone.</p>
      </Confirm>
    </>
  );
}
