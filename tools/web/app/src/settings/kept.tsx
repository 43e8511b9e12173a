/** What this browser keeps for reading without a network, and dropping it. */
import { useEffect, useState } from "preact/hooks";
import { workerRefused } from "../frame/worker.ts";
import { keeping, keepingWords } from "../offline/keeping.ts";
import { keysOf } from "../offline/keys.ts";
import { clearReading, keptSessions } from "../offline/store.ts";
import { Button, count, toast } from "../parts/index.ts";
import { install, installed, installPrompt, iOS } from "./install.ts";

export function Kept() {
  const [sessions, setSessions] = useState<number | undefined>(undefined);
  useEffect(() => void keptSessions().then(setSessions), []);
  const drafts = keysOf("draft").length;
  const worker = "serviceWorker" in navigator && !workerRefused.value;
  const keeps = keeping.value;
  const drop = async () => {
    await clearReading();
    setSessions(0);
    toast("What was kept for reading was dropped. Drafts stay.");
  };
  return (
    <section class="card settings-card" aria-labelledby="settings-kept">
      <h2 id="settings-kept">Without a network</h2>
      <p>
        {keeps !== "all" ? `${keepingWords(keeps)}: without a network nothing of before is here, and what you write is lost with the page.`
          : worker ? "The page opens without a network, shows what was loaded last, and sends what you write once it is connected."
          : workerRefused.value ? "This browser refused the worker that opens the page without a network (a private window, or its settings)."
          : "This browser keeps no page here (it wants HTTPS for that): without a network the page does not open."}
      </p>
      {sessions !== undefined && (
        <p class="small muted">Kept in this browser, for this account alone: {count(sessions, "session")}, {count(drafts, "draft")}. Signing out drops all of it.</p>
      )}
      <div class="settings-actions">
        {installPrompt.value && <Button kind="primary" icon="download" onClick={() => void install()}>Install this page</Button>}
        {sessions !== undefined && sessions > 0 && <Button icon="trash" onClick={() => void drop()}>Drop what is kept</Button>}
      </div>
      {!installed() && !installPrompt.value && worker && (
        <p class="small muted">To install it on a phone: “Add to Home Screen” in the browser's {iOS() ? "Share menu; an iPhone or iPad notifies only then" : "menu"}.</p>
      )}
    </section>
  );
}
