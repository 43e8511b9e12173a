/** One device of the account. */
import { hex } from "@libremote/link";
import type { DeviceEntry } from "@libremote/link/messages";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Badge, Button, Icon, IconButton, RelativeTime, type IconName } from "../parts/index.ts";
import { Confirm } from "../parts/dialog.tsx";
import { announce } from "../parts/toast.tsx";
import { relayNow } from "../parts/clock.ts";
import { duration } from "../parts/words.ts";
import { callWords, renameDevice, revokeDevice } from "./calls.ts";
import { nameFault } from "./device_name.ts";
import { refresh } from "./devices_state.ts";

const pictureOf = (entry: DeviceEntry): IconName => (entry.surface === "web" ? (/phone|android/i.test(entry.name) ? "phone" : "globe") : "terminal");

export function DeviceItem({ entry }: { entry: DeviceEntry }) {
  const [renaming, setRenaming] = useState(false);
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const actions = useRef<HTMLDivElement>(null);
  const id = hex(entry.deviceId);
  const revoke = async () => {
    setBusy(true);
    setFault("");
    try {
      await revokeDevice(id);
      announce(`${entry.name} is revoked`);
      setAsking(false);
    } catch (error) {
      setFault(callWords(error));
    } finally {
      setBusy(false);
      void refresh();
    }
  };
  return (
    <li class="card device" data-testid="device-item" data-device={id} data-current={entry.current}>
      <Icon name={pictureOf(entry)} class="device-picture" />
      <div class="device-words">
        {renaming ? <Rename entry={entry} id={id} onDone={() => {
          setRenaming(false);
          requestAnimationFrame(() => actions.current?.querySelector("button")?.focus()); // to where it was begun
        }} /> : (
          <p class="device-name"><b><bdi>{entry.name}</bdi></b> {entry.current && <Badge tone="accent">this device</Badge>}</p>
        )}
        <p class="muted small"><Seen entry={entry} /></p>
        <p class="muted small">added <RelativeTime at={entry.createdMs} /><Ends at={Number(entry.expiresMs)} /></p>
      </div>
      {!renaming && (
        <div class="device-actions" ref={actions}>
          <IconButton icon="edit" label={`Rename ${entry.name}`} onClick={() => setRenaming(true)} />
          {!entry.current && <IconButton icon="sign-out" label={`Revoke ${entry.name}`} data-testid="device-revoke" onClick={() => setAsking(true)} />}
        </div>
      )}
      <Confirm open={asking} title="Revoke this device?" action="Revoke" danger busy={busy} fault={fault} onConfirm={revoke} onClose={() => {
        setAsking(false);
        setFault("");
      }}>
        <p><b><bdi>{entry.name}</bdi></b> is signed out at once, and its links close. If a session runs on it, remote control of that session ends; the session itself goes on there.</p>
      </Confirm>
    </li>
  );
}

function Seen({ entry }: { entry: DeviceEntry }) {
  const from = entry.address === "" ? null : <> from <bdi>{entry.address}</bdi>{entry.surface === "" ? null : <> with <bdi>{entry.surface}</bdi></>}</>;
  if (entry.connected) return <>connected now{from}</>;
  if (entry.usedMs === 0n) return <>never used</>;
  return <>last used <RelativeTime at={entry.usedMs} />{from}</>;
}

function Ends({ at }: { at: number }) {
  if (at === 0) return null;
  const left = at - relayNow.value;
  return <>{left <= 0 ? ", its sign-in is over" : `, signed in for another ${duration(left)}`}</>;
}

function Rename({ entry, id, onDone }: { entry: DeviceEntry; id: string; onDone(): void }) {
  const [name, setName] = useState(entry.name);
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => input.current?.focus(), []); // the next key is for it
  const submit = async (event: Event) => {
    event.preventDefault();
    const wrong = nameFault(name);
    setFault(wrong ?? "");
    if (wrong || busy) return;
    setBusy(true);
    try {
      await renameDevice(id, name.trim());
      await refresh();
      onDone();
    } catch (error) {
      setFault(callWords(error));
      setBusy(false);
    }
  };
  return (
    <form class="device-rename" onSubmit={submit} onKeyDown={(event) => {
      if (event.key === "Escape") onDone();
    }}>
      <input value={name} maxLength={63} aria-label={`New name of ${entry.name}`} autocomplete="off" ref={input}
        onInput={(event) => setName(event.currentTarget.value)} />
      <Button submit kind="primary" busy={busy}>Rename</Button>
      <Button onClick={onDone}>Cancel</Button>
      <p class="account-fault" role="alert">{fault}</p>
    </form>
  );
}
