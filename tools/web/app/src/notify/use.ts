/** Tells the relay that a person uses the session that is shown: notifications about it wait meanwhile. */
import { CallError, unhex, type Connection } from "@libremote/link";
import { route } from "../state/route.ts";

/** A word holds for a minute. */
const SAY_MS = 20_000;
const NOT_OFFERED = 3002;

export function sayUse(connection: Connection): void {
  let said: { session: string; at: number } | undefined;
  let offered = true;
  const tell = (session: string, over: boolean) => {
    connection.call({ case: "useSession", value: { $typeName: "remote.v1.UseSession", sessionId: unhex(session), over } }).catch((error: unknown) => {
      if (error instanceof CallError && error.problem?.code === NOT_OFFERED) offered = false;
    });
  };
  const end = () => {
    if (said && offered && connection.facts.phase === "live") tell(said.session, true);
    said = undefined;
  };
  const use = () => {
    const at = route.peek();
    if (at.page !== "session" || document.visibilityState !== "visible" || !offered || connection.facts.phase !== "live") return;
    if (said?.session === at.id && Date.now() - said.at < SAY_MS) return;
    if (said && said.session !== at.id) end();
    said = { session: at.id, at: Date.now() };
    tell(at.id, false);
  };
  for (const name of ["pointerdown", "keydown", "wheel", "touchmove"]) addEventListener(name, use, { capture: true, passive: true });
  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? use() : end()));
  addEventListener("pagehide", end);
  route.subscribe((at) => {
    if (said && (at.page !== "session" || at.id !== said.session)) end();
  });
}
