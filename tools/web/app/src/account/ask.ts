/** What the page asks the relay over HTTP: signing in and out. Tokens travel in cookies that no script can read. */

/** The relay said no. `code` as in docs/spec.md section 8; 0: the relay could not be reached. */
export class Refused extends Error {
  readonly code: number;
  readonly retryAfterMs: number;
  constructor(code: number, reason: string, retryAfterMs = 0) {
    super(reason);
    this.name = "Refused";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

type Answer = Readonly<Record<string, unknown>>;
const text = (answer: Answer, name: string): string => (typeof answer[name] === "string" ? answer[name] : "");
const amount = (answer: Answer, name: string): number => (typeof answer[name] === "number" ? answer[name] : 0);

async function read(response: Response): Promise<Answer> {
  if (response.status === 204) return {};
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
  if (!isJson) throw new Refused(0, `something between this page and the relay answered (HTTP ${response.status})`);
  const answer = (await response.json()) as Answer;
  if (response.ok) return answer;
  throw new Refused(amount(answer, "code"), text(answer, "reason"), amount(answer, "retry_after_ms"));
}

async function ask(path: string, body?: object, signal?: AbortSignal): Promise<Answer> {
  const init: RequestInit = body === undefined ? { cache: "no-store" } : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  };
  let response: Response;
  try {
    response = await fetch(new URL(`./v1/${path}`, document.baseURI), { ...init, credentials: "same-origin", ...(signal ? { signal } : {}) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, "the relay cannot be reached");
  }
  return read(response);
}

export interface Visitor {
  signedIn: boolean;
  account: string;
  device: string;
  deviceId: string;
  /** Why the cookie that is there counts no more; 0: there is none, or it counts. */
  code: number;
}

export async function who(): Promise<Visitor> {
  return visitorOf(await ask("who"));
}

export async function signInWithToken(token: string): Promise<void> {
  await ask("sign-in", { token });
}

const visitorOf = (answer: Answer): Visitor => ({
  signedIn: answer["signed_in"] === true, account: text(answer, "account"), device: text(answer, "device"),
  deviceId: text(answer, "device_id"), code: amount(answer, "code"),
});

export interface InvitationFacts {
  account: string;
  /** The device that made it; empty: the relay's operator. */
  by: string;
  /** Until when it is good, as this device's clock goes. */
  until: number;
}

/** Looks at an invitation; nothing is used up. */
export async function lookAtInvitation(invite: string): Promise<InvitationFacts> {
  const answer = await ask("invitation", { invite });
  return { account: text(answer, "account"), by: text(answer, "by"), until: Date.now() + amount(answer, "expires_in_ms") };
}

export async function signInByInvitation(invite: string, device: string): Promise<void> {
  await ask("sign-in", { invite, device });
}

export interface Pairing {
  /** What the person confirms elsewhere; empty: it is confirmed, and this browser is signed in. */
  code: string;
  until: number;
}

const pairingOf = (answer: Answer): Pairing =>
  (answer["signed_in"] === true ? { code: "", until: 0 }
    : { code: text(answer, "pairing_code"), until: Date.now() + amount(answer, "expires_in_ms") });

/** Begins to be paired, or goes on with it: the same code, also after a reload. */
export async function pair(device: string, signal: AbortSignal): Promise<Pairing> {
  return pairingOf(await ask("pair", { device }, signal));
}

/** Waits for a person, at most half a minute. */
export async function waitForPairing(signal: AbortSignal): Promise<Pairing> {
  return pairingOf(await ask("pair/wait", {}, signal));
}

export async function endPairing(): Promise<void> {
  await ask("pair/end", {});
}

/** Revokes this device, or all of the account, and takes the cookie away. */
export async function signOut(everywhere = false): Promise<void> {
  await ask("sign-out", { everywhere });
}
