/** The page's one connection to its relay, and its facts as signals. */
import { signal } from "@preact/signals";
import { Connection, type ConnectionFacts } from "@libremote/link";
import wasm from "remote-link.wasm?url";

export const AGENT = "web/0.1.0";

/** The relay that served this page; a prefix stays: https://host/relay/ speaks to wss://host/relay/v1/link. */
export function relayUrl(): string {
  const url = new URL("./v1/link", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return url.href;
}

/** undefined: the module is still being loaded. */
export const connection = signal<Connection | undefined>(undefined);
export const facts = signal<ConnectionFacts | undefined>(undefined);
/** Since when there is no connection, Unix ms; undefined: there is one, or there never was. */
export const lostSince = signal<number | undefined>(undefined);
/** What the device says of its network; a relay on this very machine can be there without one. */
export const online = signal(navigator.onLine);

/** Loads the module and connects. Throws when there is no module: nothing else here reads frames. */
export async function connect(): Promise<Connection> {
  const module = await compile();
  const opened = await Connection.open({ url: relayUrl(), module, agent: AGENT });
  let wasLive = false;
  const take = (now: ConnectionFacts) => {
    const live = now.phase === "live";
    if (live) lostSince.value = undefined;
    else if (wasLive) lostSince.value = now.since;
    wasLive = live;
    facts.value = now;
  };
  take(opened.facts);
  opened.onChange(take);
  connection.value = opened;
  watchThePage(opened);
  return opened;
}

async function compile(): Promise<WebAssembly.Module> {
  const answer = await fetch(wasm);
  if (!answer.ok) throw new Error(`remote-link.wasm: HTTP ${answer.status}`);
  return WebAssembly.compileStreaming(answer);
}

/** Timers that are this late have not been late: the machine slept, or the page was frozen. */
const SLEPT_MS = 5_000;
const LOOK_MS = 1_000;

/** What a page learns before its sockets do: it was hidden, frozen, asleep or offline, and is back. */
function watchThePage(opened: Connection): void {
  const look = () => {
    const visible = document.visibilityState === "visible";
    opened.setVisible(visible);
    if (visible) opened.probe();
  };
  document.addEventListener("visibilitychange", look);
  document.addEventListener("resume", look);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) look();
  });
  addEventListener("online", () => {
    online.value = true;
    look();
  });
  // From one network to another without a gap: the way may be dead all the same.
  const network: unknown = "connection" in navigator ? navigator.connection : undefined;
  if (network instanceof EventTarget) network.addEventListener("change", look);
  addEventListener("offline", () => {
    online.value = false;
    opened.probe(); // is it true? a relay on this machine is still there
  });
  // Clocks of some systems stand still while they sleep, and then no timer of the link is late.
  let last = Date.now();
  setInterval(() => {
    const now = Date.now();
    const late = now - last - LOOK_MS;
    last = now;
    const by = opened.lookAtClock();
    if (by !== 0 && lostSince.value !== undefined) lostSince.value += by;
    if (late > SLEPT_MS && document.visibilityState === "visible") opened.probe();
  }, LOOK_MS);
}
