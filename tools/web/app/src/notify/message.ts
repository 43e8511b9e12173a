/** What the relay pushes, and its words. Shared by the page and its service worker; nothing here touches either. */

export const events = ["ask", "done", "error", "many", "test", "withdrawn"] as const;
export type MessageEvent = (typeof events)[number];

export interface Message {
  event: MessageEvent;
  tag: string;
  session?: string;
  ask?: string;
  count?: number;
  at?: number;
  title?: string;
  text?: string;
}

const TEXT_MAX = 300;

/** A pushed text; undefined: not one of the relay's. */
export function readMessage(text: string): Message | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof data !== "object" || data === null) return undefined;
  const found = data as Record<string, unknown>;
  const event = events.find((one) => one === found["event"]);
  const word = (name: string, shape: RegExp) => {
    const value = found[name];
    return typeof value === "string" && shape.test(value) ? value : undefined;
  };
  const number = (name: string) => (typeof found[name] === "number" && Number.isFinite(found[name]) ? found[name] : undefined);
  const tag = word("tag", /^[-0-9a-z]{1,64}$/);
  if (!event || !tag) return undefined;
  const optional = {
    session: word("session", /^[0-9a-f]{32}$/), ask: word("ask", /^[0-9a-f]{32}$/), count: number("count"), at: number("at"),
    title: word("title", /^[^]+$/)?.slice(0, TEXT_MAX), text: word("text", /^[^]+$/)?.slice(0, TEXT_MAX),
  };
  return { event, tag, ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) };
}

const plain: Record<Exclude<MessageEvent, "many" | "withdrawn">, string> = {
  ask: "A session needs an answer", done: "A session is done", error: "A session has failed", test: "This is a test",
};

/** Title and body: contents only where the message brought some. */
export function wordsOf(message: Message): { title: string; body: string } {
  if (message.event === "withdrawn") return { title: "Nothing to do any more", body: "It was answered, or is over." };
  if (message.event === "many") {
    const count = message.count ?? 0;
    return { title: count > 1 ? `${count} sessions need answers` : "A session needs answers", body: "Open the page to see them." };
  }
  if (message.event === "test") return { title: plain.test, body: "Notifications of this relay arrive here." };
  const said = plain[message.event];
  if (message.title === undefined) return { title: said, body: message.text ?? "Open the page to see it." };
  return { title: message.title, body: message.text ?? said };
}

/** Where a click leads, below the page. */
export function fragmentOf(message: Pick<Message, "session" | "ask">): string {
  if (!message.session) return "#/";
  return message.ask ? `#/s/${message.session}/ask/${message.ask}` : `#/s/${message.session}`;
}
