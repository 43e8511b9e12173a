/** Browsers as people have them: a phone and a desk. What a page must never do fails the test that it happens in. */
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from "playwright-core";
import { PATIENCE_MS, until } from "./processes.ts";

export const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
export const DESK = { viewport: { width: 1280, height: 800 } };

/** How much slower than this machine the page's own work is done: REMOTE_WEB_SLOWER=6 finds what holds on quick machines only. */
const SLOWER = Number(process.env.REMOTE_WEB_SLOWER ?? 1);

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: fileURLToPath(new URL("chromium", import.meta.url)),
    timeout: 2 * PATIENCE_MS,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--disable-domain-reliability", "--no-pings"],
  });
}

export interface ClientOptions {
  shape?: typeof PHONE | typeof DESK;
  scheme?: "light" | "dark";
  reducedMotion?: boolean;
  /** Signs in with it before the page is opened; absent: nobody is signed in. */
  token?: string;
  /** Console errors that belong to what is tested: a WebSocket that is cut. */
  allow?: RegExp[];
  language?: string;
  /** Before anything is loaded. */
  before?: (client: Client) => void | Promise<void>;
}

/** What a browser says by itself of a network that went; the page cannot keep it quiet. */
const NETWORK_WENT = [/^WebSocket connection to 'ws:[^']*' failed/, /net::ERR_(CONNECTION|EMPTY|SOCKET|NETWORK|INTERNET)/];

export class Client {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly origin: string;
  /** What went wrong and nobody expected. */
  readonly faults: string[] = [];
  #allowed: RegExp[];

  private constructor(context: BrowserContext, page: Page, origin: string, allowed: RegExp[]) {
    this.context = context;
    this.page = page;
    this.origin = origin;
    this.#allowed = allowed;
  }

  /** A browser of its own at that address. */
  static async open(browser: Browser, url: string, options: ClientOptions = {}): Promise<Client> {
    const context = await browser.newContext({
      ...(options.shape ?? DESK),
      colorScheme: options.scheme ?? "light",
      reducedMotion: options.reducedMotion ? "reduce" : "no-preference",
      locale: options.language ?? "en-GB",
    });
    context.setDefaultTimeout(PATIENCE_MS);
    context.setDefaultNavigationTimeout(PATIENCE_MS);
    const origin = new URL(url).origin;
    const client = new Client(context, await context.newPage(), origin, options.allow ?? []);
    client.page.setDefaultTimeout(PATIENCE_MS);
    client.#watch();
    await client.page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event: SecurityPolicyViolationEvent) =>
        console.error(`csp: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
    });
    if (SLOWER > 1) await (await context.newCDPSession(client.page)).send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
    if (options.token) await client.signIn(options.token);
    await options.before?.(client);
    await client.page.goto(url);
    return client;
  }

  /** As the sign-in page does it: the relay sets a cookie that no script can read. */
  async signIn(token: string): Promise<void> {
    const answer = await this.context.request.post(`${this.origin}/v1/sign-in`, { data: { token }, headers: { origin: this.origin } });
    if (!answer.ok()) throw new Error(`signing in: ${answer.status()} ${await answer.text()}`);
  }

  #watch(): void {
    const say = (fault: string) => {
      if (!this.#allowed.some((pattern) => pattern.test(fault))) this.faults.push(fault);
    };
    this.page.on("console", (message) => {
      if (message.type() === "error") say(`${message.text()} (${message.location().url})`);
    });
    this.page.on("pageerror", (error) => say(`${error.stack ?? error}`));
    this.page.on("dialog", (dialog) => {
      say(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    this.page.on("popup", (popup) => say(`popup: ${popup.url()}`));
    this.context.on("request", (request) => {
      const at = new URL(request.url());
      if (at.protocol !== "data:" && at.protocol !== "blob:" && at.origin !== this.origin) say(`request to ${request.url()}`);
    });
    this.page.on("websocket", (socket) => {
      const at = new URL(socket.url());
      if (at.origin.replace(/^ws/, "http") !== this.origin) say(`WebSocket to ${socket.url()}`);
    });
  }

  /** From now on such console errors are expected. */
  allow(...patterns: RegExp[]): void {
    this.#allowed.push(...patterns);
  }
  /** The network is going to be cut. */
  allowCuts(): void {
    this.allow(...NETWORK_WENT);
  }

  /** By data-testid, and further attributes. */
  at(id: string, with_: Record<string, string> = {}): Locator {
    const more = Object.entries(with_).map(([name, value]) => `[data-${name}="${value}"]`).join("");
    return this.page.locator(`[data-testid="${id}"]${more}`);
  }

  async openSession(session: string): Promise<void> {
    await this.page.goto(`${this.origin}/#/s/${session}`);
    await this.at("timeline").waitFor();
  }

  /** It is connected, and says so. */
  async live(): Promise<void> {
    await this.at("presence", { state: "live" }).waitFor({ state: "attached" });
  }

  /** Presses "Try now" until the link is back; it may come back by itself, and the button goes, just when it is pressed. */
  async tryNow(): Promise<void> {
    await until("the link is back", async () => {
      if (await this.at("presence", { state: "live" }).count()) return true;
      await this.page.getByRole("button", { name: /try now/i }).click({ timeout: 500 }).catch(() => {});
      return false;
    });
  }

  /** Pages up in the conversation until that is drawn: only what is near to what is looked at is. */
  async readBackTo(what: Locator): Promise<void> {
    await until("it is drawn", async () => {
      if (await what.count()) return true;
      await this.page.getByRole("feed").press("PageUp", { timeout: 2000 }).catch(() => {});
      return what.waitFor({ state: "attached", timeout: 500 }).then(() => true, () => false);
    });
  }

  /** Where the agent has said that. */
  said(text: string | RegExp): Locator {
    return this.at("timeline-item", { kind: "assistant" }).getByText(text).last();
  }

  /** The cards that wait for an answer. */
  get asks(): Locator {
    return this.at("ask-card", { state: "open" });
  }

  /**
   * Answers the question that is open. A button counts once it has stood still for a moment: what moves under the thumb takes no
   * tap, and a person presses again.
   */
  async answer(option: string, what = this.asks.first()): Promise<void> {
    const id = await what.getAttribute("data-ask");
    const card = this.at("ask-card", { state: "open", ask: id! });
    await until(`the answer ${option} is taken`, async () => {
      await card.locator(option).first().click({ timeout: 2000 }).catch(() => {});
      return card.waitFor({ state: "detached", timeout: 1000 }).then(() => true, () => false);
    });
  }

  /** Nothing sticks out to the side. */
  async fits(): Promise<void> {
    const wide = await this.page.evaluate(() => {
      const doc = document.documentElement;
      if (doc.scrollWidth <= doc.clientWidth) return "";
      const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > doc.clientWidth + 1);
      return `${doc.scrollWidth} > ${doc.clientWidth}: ${out.slice(0, 5).map((e) => `${e.tagName}.${e.className}`).join(", ")}`;
    });
    if (wide) throw new Error(`the page is wider than the screen: ${wide}`);
  }

  /** Closes it; throws for what it should not have done. */
  async close(): Promise<void> {
    await this.context.close();
    if (this.faults.length > 0) throw new Error(`the page did what it must not:\n${this.faults.join("\n")}`);
  }
}

export interface Held {
  from: number;
  to: number;
  sha256: string;
}

/** What the page says that it holds of the log. */
export async function heldBy(client: Client): Promise<Held | undefined> {
  return client.page.evaluate(() => {
    const shown = document.querySelector<HTMLElement>("[data-testid=session-digest]");
    const sha256 = shown?.dataset.sha256 ?? /[0-9a-f]{64}/.exec(shown?.textContent ?? "")?.[0];
    return shown && sha256 ? { from: Number(shown.dataset.from), to: Number(shown.dataset.to), sha256 } : undefined;
  });
}
