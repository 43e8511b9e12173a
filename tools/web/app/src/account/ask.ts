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
  const answer = await ask("who");
  return {
    signedIn: answer["signed_in"] === true, account: text(answer, "account"), device: text(answer, "device"),
    deviceId: text(answer, "device_id"), code: amount(answer, "code"),
  };
}

export async function signInWithToken(token: string): Promise<void> {
  await ask("sign-in", { token });
}

/** Revokes this device, or all of the account, and takes the cookie away. */
export async function signOut(everywhere = false): Promise<void> {
  await ask("sign-out", { everywhere });
}
