/** Settings of this browser. */
import { NotificationSettings } from "../notify/settings.tsx";
import { Icon } from "../parts/icon.tsx";
import { About } from "../settings/about.tsx";
import { Kept } from "../settings/kept.tsx";
import { Look } from "../settings/look.tsx";

export function SettingsPage() {
  return (
    <div class="page">
      <header class="page-head">
        <a class="button quiet icon-only" href="#/" aria-label="All sessions" title="All sessions"><Icon name="back" /></a>
        <h1>Settings</h1>
      </header>
      <main class="page-body">
        <NotificationSettings />
        <Look />
        <Kept />
        <section class="card settings-card" aria-labelledby="settings-devices">
          <h2 id="settings-devices">Devices and sign-in</h2>
          <p>See what is signed in to this account, add a device, sign out here or everywhere.</p>
          <div class="settings-actions"><a class="button" href="#/devices"><Icon name="devices" /> Devices</a></div>
        </section>
        <About />
      </main>
    </div>
  );
}
