/** The account's devices: who may sign in, adding and revoking them, signing out. */
import { hex } from "@libremote/link";
import { useEffect } from "preact/hooks";
import { Icon } from "../parts/index.ts";
import { PresenceBar } from "../presence/bar.tsx";
import { facts } from "../state/link.ts";
import { AddDevice } from "./add_device.tsx";
import { ConfirmCode, done } from "./confirm_code.tsx";
import { DeviceItem } from "./device_item.tsx";
import { devices, fault, watchDevices } from "./devices_state.ts";
import { PolicyCard } from "./policy.tsx";
import { SignOut } from "./sign_out.tsx";

export function DevicesPage({ code }: { code?: string }) {
  useEffect(() => {
    const end = watchDevices();
    return () => {
      end();
      done.value = "";
    };
  }, []);
  const list = devices.value;
  const account = facts.value?.welcome?.principal?.account;
  return (
    <div class="page devices">
      <header class="page-head">
        <a class="button quiet icon-only" href="#/" aria-label="All sessions" title="All sessions"><Icon name="back" /></a>
        <h1>Devices</h1>
        {account && <span class="muted small one-line"><bdi>{account}</bdi></span>}
      </header>
      <PresenceBar />
      <main class="page-body">
        {code !== undefined && <ConfirmCode key={code} code={code} />}
        <section aria-labelledby="device-list">
          <h2 id="device-list" class="hidden-words">Devices that are signed in</h2>
          {fault.value !== "" && <p class="notice bad" role="alert"><span>{fault.value}</span></p>}
          {!list && fault.value === "" && <p class="muted">Asking the relay …</p>}
          <ul class="device-items" aria-busy={!list}>{list?.map((entry) => <DeviceItem key={hex(entry.deviceId)} entry={entry} />)}</ul>
        </section>
        <AddDevice />
        {code === undefined && <ConfirmCode />}
        <PolicyCard />
        <SignOut />
      </main>
    </div>
  );
}
