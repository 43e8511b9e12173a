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

/** Loads the module and connects. Throws when there is no module: nothing else here reads frames. */
export async function connect(): Promise<Connection> {
  const module = await WebAssembly.compileStreaming(fetch(wasm));
  const opened = await Connection.open({ url: relayUrl(), module, agent: AGENT });
  facts.value = opened.facts;
  opened.onChange((now) => (facts.value = now));
  connection.value = opened;
  watchThePage(opened);
  return opened;
}

/** What a page learns before its sockets do: it was hidden, frozen or offline, and is back. */
function watchThePage(opened: Connection): void {
  const look = () => {
    opened.setVisible(document.visibilityState === "visible");
    if (document.visibilityState === "visible") opened.probe();
  };
  document.addEventListener("visibilitychange", look);
  document.addEventListener("resume", look);
  addEventListener("pageshow", look);
  addEventListener("online", look);
}
