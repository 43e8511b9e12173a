/** Calls of the devices page: what the relay knows of the account. */
import { hex, unhex } from "@libremote/link";
import type { DeviceEntry, EffectivePolicy, Invitation, PairingEntry, PolicyRule, Reply, Request } from "@libremote/link/messages";
import { CallError } from "@libremote/link";
import { connection } from "../state/link.ts";

async function call(what: Request["call"], onReply?: (reply: Reply) => void): Promise<Reply> {
  const now = connection.value;
  if (!now) throw new CallError();
  return now.call(what, onReply);
}

export async function listDevices(): Promise<DeviceEntry[]> {
  const found: DeviceEntry[] = [];
  await call({ case: "listDevices", value: { $typeName: "remote.v1.ListDevices" } }, (reply) => {
    if (reply.result.case === "device") found.push(reply.result.value);
  });
  // This one first, then those that are connected, then by their last use.
  const rank = (entry: DeviceEntry) => (entry.current ? 2 : entry.connected ? 1 : 0);
  return found.sort((a, b) => rank(b) - rank(a) || Number(b.usedMs - a.usedMs) || hex(a.deviceId).localeCompare(hex(b.deviceId)));
}

export const renameDevice = (id: string, name: string) =>
  call({ case: "renameDevice", value: { $typeName: "remote.v1.RenameDevice", deviceId: unhex(id), name } });

export const revokeDevice = (id: string) =>
  call({ case: "revokeDevice", value: { $typeName: "remote.v1.RevokeDevice", deviceId: unhex(id) } });

export async function describePairing(code: string): Promise<PairingEntry> {
  const reply = await call({ case: "describePairing", value: { $typeName: "remote.v1.DescribePairing", code } });
  if (reply.result.case !== "pairing") throw new CallError();
  return reply.result.value;
}

export const decidePairing = (code: string, deny: boolean) =>
  call({ case: "confirmPairing", value: { $typeName: "remote.v1.ConfirmPairing", code, deny } });

export async function makeInvitation(): Promise<Invitation> {
  const reply = await call({ case: "invite", value: { $typeName: "remote.v1.Invite" } });
  if (reply.result.case !== "invitation") throw new CallError();
  return reply.result.value;
}

export async function listInvitations(): Promise<Invitation[]> {
  const found: Invitation[] = [];
  await call({ case: "listInvitations", value: { $typeName: "remote.v1.ListInvitations" } }, (reply) => {
    if (reply.result.case === "invitation") found.push(reply.result.value);
  });
  return found;
}

export const endInvitation = (id: string) =>
  call({ case: "endInvitation", value: { $typeName: "remote.v1.EndInvitation", invitationId: unhex(id) } });

export interface Policy {
  rules: PolicyRule[];
  effective: EffectivePolicy | undefined;
}

export async function readPolicy(): Promise<Policy> {
  const found: Policy = { rules: [], effective: undefined };
  await call({ case: "getPolicy", value: { $typeName: "remote.v1.GetPolicy", administered: false } }, (reply) => {
    if (reply.result.case !== "policy") return;
    if (reply.result.value.rule) found.rules.push(reply.result.value.rule);
    if (reply.result.value.effective) found.effective = reply.result.value.effective;
  });
  return found;
}

/** Why a call failed, in words. */
export function callWords(error: unknown): string {
  if (!(error instanceof CallError)) return "The page is not connected to the relay now. Try again when it is.";
  const problem = error.problem;
  if (!problem) return "The connection was lost before the answer came. Look again whether it was done.";
  const wait = problem.retryAfterMs > 0n ? ` Wait ${Math.ceil(Number(problem.retryAfterMs) / 1000)} s.` : "";
  const reason = problem.reason === "" ? `The relay refused it (code ${problem.code})` : problem.reason;
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.${wait}`;
}
