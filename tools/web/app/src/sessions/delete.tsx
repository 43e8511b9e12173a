/** Deletes a session from the relay, after asking. */
import { CallError, unhex } from "@libremote/link";
import { useEffect, useState } from "preact/hooks";
import { Confirm, toast } from "../parts/index.ts";
import { problemWords } from "../presence/problems.ts";
import { forgetSession } from "../offline/store.ts";
import { titleOf } from "../presence/status.ts";
import { connection } from "../state/link.ts";
import { entryOf } from "../state/sessions.ts";

/** `id` absent: nothing is asked. */
export function DeleteSession({ id, onClose, onDeleted }: { id: string | undefined; onClose(): void; onDeleted?(): void }) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  useEffect(() => setFault(""), [id]);
  const entry = id === undefined ? undefined : entryOf(id);
  const title = titleOf(entry);
  const remove = async () => {
    if (id === undefined || !connection.value) return;
    setBusy(true);
    setFault("");
    try {
      await connection.value.call({ case: "deleteSession", value: { $typeName: "remote.v1.DeleteSession", sessionId: unhex(id) } });
      await forgetSession(id);
      toast(`“${title}” was deleted`);
      onClose();
      onDeleted?.();
    } catch (error) {
      const why = error instanceof CallError && error.problem ? problemWords(error.problem).what : "the relay is not connected, or went away before it answered; look whether it is still listed";
      setFault(`Not deleted: ${why}.`);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Confirm open={id !== undefined} title={`Delete “${title}”?`} action="Delete" danger busy={busy} fault={fault} onConfirm={() => void remove()} onClose={onClose}>
      <p>What the relay holds of this session is deleted for all devices, and cannot be brought back from here. What the host keeps on its own machine stays there.</p>
      {entry?.status?.hostAttached && <p><strong>Its host is connected.</strong> The agent goes on there, but can no longer be followed from elsewhere.</p>}
    </Confirm>
  );
}
