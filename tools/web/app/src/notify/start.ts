/** Everything about notifications that begins with the page. Loaded when it is connected: nothing of it is needed before. */
import type { Connection } from "@libremote/link";
import { notifyWhileOpen } from "./open.ts";
import { settle, turnOff } from "./subscription.ts";
import { sayUse } from "./use.ts";
import { followWishes, wishes } from "./wishes.ts";

/** This device is signed in no more: its token is not known, or was revoked. */
const SIGNED_OUT = [3001, 3003];

export function startNotifications(connection: Connection): void {
  followWishes();
  notifyWhileOpen();
  sayUse(connection);
  let live = false;
  const look = () => {
    const facts = connection.facts;
    const now = facts.phase === "live" && facts.welcome?.principal !== undefined;
    if (now && !live) void settle(connection);
    live = now;
    if (facts.phase === "dead" && SIGNED_OUT.includes(facts.problem?.code ?? 0) && wishes.peek().on) void turnOff(undefined);
  };
  connection.onChange(look);
  look();
}
