/** What the relay knows of a session's host, and who else is there, in words. Times are the relay's. */
import { Ceiling, Layer, RemoteMode, Role, type LogStatus } from "@libremote/link/messages";
import { ago, clockTime, count, duration } from "../parts/words.ts";
import { layerWords } from "./problems.ts";

export interface HostWords {
  /** unknown: the relay has not said. */
  state: "unknown" | "attached" | "away" | "off";
  line: string;
  detail: string;
}

/** `now`: Unix ms of the relay. `stale`: there is no connection, so this is what was known when there was one. `ended`: the session has. */
export function hostWords(status: LogStatus | undefined, mode: RemoteMode, now: number, stale: boolean, ended = false): HostWords {
  if (!status) return { state: "unknown", line: "", detail: "nothing known of the host yet" };
  const since = Number(status.hostSinceMs);
  const last = Number(status.hostHeardMs);
  const asOf = Number(status.nowMs);
  if (status.hostAttached) {
    const detail = `connected since ${clockTime(since)}; at ${clockTime(asOf)} the relay had heard it ${duration(asOf - last)} before`;
    if (stale) return { state: "unknown", line: `host connected at ${clockTime(asOf)}, not known since`, detail };
    return { state: "attached", line: `host connected ${duration(now - since)}`, detail };
  }
  // nobody waits for it, and nothing can be sent to it
  if (ended) return { state: "unknown", line: "", detail: "has gone: the session has ended" };
  if (since === 0) return { state: "away", line: "host not connected", detail: "the host has never been connected to this relay since it began" };
  const off = mode === RemoteMode.OFF;
  const line = `${off ? "remote off" : "host away"} ${duration(now - since)}`;
  const detail = off
    ? "the host shares nothing now; what you send is stored and delivered when remote control is on again"
    : `the host is not connected (last heard ${ago(last, now)}); what you send is stored and delivered when it is back`;
  return { state: off ? "off" : "away", line, detail };
}

/** How many devices watch, this one too; hosts are not counted. */
export function watching(status: LogStatus | undefined): number {
  if (!status) return 0;
  const hosts = status.attached.filter((device) => device.role === Role.HOST).length;
  return Math.max(0, status.attachedTotal - hosts);
}

export const watchingWords = (n: number): string => (n > 1 ? `${n} watching` : "");

export interface Attached {
  name: string;
  host: boolean;
  since: number;
  here: boolean;
}

export function attachedDevices(status: LogStatus | undefined, ownDevice: Uint8Array | undefined): Attached[] {
  const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
  return (status?.attached ?? []).map((device) => ({
    name: device.name || "a device without a name",
    host: device.role === Role.HOST,
    since: Number(device.sinceMs),
    here: device.role !== Role.HOST && ownDevice !== undefined && same(device.deviceId, ownDevice),
  }));
}

export const moreAttached = (status: LogStatus | undefined): string => {
  const more = (status?.attachedTotal ?? 0) - (status?.attached.length ?? 0);
  return more > 0 ? `and ${count(more, "more device")}` : "";
};

/** Why only watching is possible; undefined: this device may steer. */
export function viewOnly(status: LogStatus | undefined, mode: RemoteMode, ended: boolean): string | undefined {
  if (ended) return undefined; // the host says so, if it is there
  if (mode === RemoteMode.VIEW) return "the session was shared for viewing (/remote on at the host allows more)";
  if (status?.ceiling !== Ceiling.VIEW) return undefined;
  const layer = status.ceilingLayer === Layer.UNSPECIFIED ? undefined : layerWords(status.ceilingLayer);
  return `${layer ?? "policy"} allows this account to view, not to steer`;
}
