/** What the relay pushes, and its words. Shared by the page and its service worker; nothing here touches either. */

export const events = ["ask", "done", "error", "many", "test", "withdrawn"] as const;
/** news: something that this page does not know; of a newer relay, perhaps. */
export type MessageEvent = (typeof events)[number] | "news";

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
/** A push service carries 4 KiB; nothing longer is read. */
const MESSAGE_MAX = 16 * 1024;
/** What would break the lines of a lock screen, or turn what stands there around. */
const CONTROLS = /[\s\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/gu;

const plainText = (text: string): string => Array.from(text.slice(0, 4 * TEXT_MAX).replace(CONTROLS, " ").trim()).slice(0, TEXT_MAX).join("");

/** What is shown of a message that cannot be read. */
export const unread: Message = { event: "news", tag: "news" };

/** A pushed text, whatever it is. */
export function readMessage(text: string): Message {
  if (text.length > MESSAGE_MAX) return unread;
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return unread;
  }
  if (typeof data !== "object" || data === null) return unread;
  const found = data as Record<string, unknown>;
  const event = events.find((one) => one === found["event"]);
  const word = (name: string, shape: RegExp) => {
    const value = found[name];
    return typeof value === "string" && shape.test(value) ? value : undefined;
  };
  const number = (name: string) => (typeof found[name] === "number" && Number.isFinite(found[name]) ? found[name] : undefined);
  const tag = word("tag", /^[-0-9a-z]{1,64}$/);
  const said = (name: string) => plainText(word(name, /^[^]+$/) ?? "") || undefined;
  const optional = {
    session: word("session", /^[0-9a-f]{32}$/), ask: word("ask", /^[0-9a-f]{32}$/), count: number("count"), at: number("at"),
    title: said("title"), text: said("text"),
  };
  // Of what is not known only where it leads is believed.
  if (!event || !tag) return { ...unread, ...(optional.session ? { tag: `news-${optional.session}`, session: optional.session } : {}) };
  return { event, tag, ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) };
}

const plain: Record<Exclude<MessageEvent, "many" | "withdrawn" | "news">, string> = {
  ask: "A session needs an answer", done: "A session is done", error: "A session has failed", test: "This is a test",
};

/** Title and body: contents only where the message brought some. */
export function wordsOf(message: Message): { title: string; body: string } {
  if (message.event === "withdrawn") return { title: "Nothing to do any more", body: "It was answered, or is over." };
  if (message.event === "news") return { title: "Something is new", body: "Open the page to see it." };
  if (message.event === "many") {
    const count = Math.min(9999, Math.floor(message.count ?? 0));
    return { title: count > 1 ? `${count} sessions need answers` : "A session needs answers", body: "Open the page to see them." };
  }
  if (message.event === "test") return { title: plain.test, body: "Notifications of this relay arrive here." };
  const said = plain[message.event];
  if (message.title === undefined) return { title: said, body: message.text ?? "Open the page to see it." };
  return { title: message.title, body: message.text ?? said };
}

/** The part of the address that a notification carries; anything else leads to the list. */
export function checkedFragment(fragment: unknown): string {
  return typeof fragment === "string" && /^#\/(s\/[0-9a-f]{32}(\/ask\/[0-9a-f]{32})?)?$/.test(fragment) ? fragment : "#/";
}

/** Where a click leads, below the page. */
export function fragmentOf(message: Pick<Message, "session" | "ask">): string {
  if (!message.session) return "#/";
  return message.ask ? `#/s/${message.session}/ask/${message.ask}` : `#/s/${message.session}`;
}
