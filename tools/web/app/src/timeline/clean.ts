/**
 * Text that somebody else wrote, on its way to the page. Characters that move, hide or swap others are neutralised in prose and
 * made visible where something is decided or copied (commands, paths, code): the rules of the terminal surface.
 */

/** Change how others are shown, or are not shown at all. */
const DECEIVES =
  "\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180e\\u3164\\uffa0\\u0080-\\u009f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u200b" +
  "\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e0fff}";
/** Harmless in prose; in a command they hide a difference. */
const LOOKS_LIKE_ANOTHER = "\\u2028\\u2029\\u00a0\\u00ad\\u1680\\u2000-\\u200d\\u202f\\u205f\\u2800\\u3000\\u180b-\\u180f\\ufe00-\\ufe0f";

const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
// Marks of direction that stand alone are needed by people who write in both; what re-orders or hides is not.
const IN_PROSE = new RegExp(`(?![\\u061c\\u200e\\u200f\\u200b\\u2060\\ufeff])[${DECEIVES}]`, "gu");
const IN_DECISIONS = new RegExp(`[${DECEIVES}${LOOKS_LIKE_ANOTHER}]`, "gu");
const HEAPS = /(\p{M}{8})\p{M}+/gu;
const ANY = new RegExp(`[\\u0000-\\u0008\\u000b-\\u001f\\u007f${DECEIVES}${LOOKS_LIKE_ANOTHER}]|\\p{M}{9}`, "u");

const picture = (c: string): string => (c === "\u007f" ? "\u2421" : String.fromCharCode(0x2400 + c.charCodeAt(0)));
const named = (c: string): string => `<U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}>`;

/** Prose: words of people and agents. */
export function prose(text: string): string {
  if (!ANY.test(text)) return text;
  return text
    .replace(/\r\n?/g, "\n")
    .replace(CONTROLS, picture)
    .replace(/[\u2028\u2029]/g, "\n")
    .replace(IN_PROSE, "\ufffd")
    .replace(HEAPS, "$1\ufffd");
}

/** What is decided on or copied: commands, paths, code, addresses. What is hidden is shown by name: <U+202E>. */
export function exact(text: string): string {
  if (!ANY.test(text)) return text;
  return text.replace(/\r\n/g, "\n").replace(CONTROLS, picture).replace(IN_DECISIONS, named).replace(HEAPS, "$1\ufffd");
}

/** One line of it. */
export function oneLine(text: string, max = 300): string {
  const cut = text.length > max * 2 ? text.slice(0, max * 2) : text;
  const line = prose(cut).replace(/[\n\t]+/g, " ").trim();
  return line.length > max ? `${cutText(line, max - 1)}…` : line;
}

/** The first `max` code units, not through the middle of a character. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? max - 1 : max);
}

const decoder = new TextDecoder();
/** Bytes as the system has them (paths): what is no UTF-8 is shown as U+FFFD. */
export const fromBytes = (bytes: Uint8Array): string => decoder.decode(bytes);

/** An address that may be opened: http, https or mailto, whole and without hidden characters; else nothing. */
export function safeUrl(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed.length > 4096 || ANY.test(trimmed) || !/^(https?:\/\/|mailto:)/i.test(trimmed)) return undefined;
  try {
    const url = new URL(trimmed);
    if (url.protocol !== "http:" && url.protocol !== "https:" && url.protocol !== "mailto:") return undefined;
    return url.username || url.password ? undefined : url.href;
  } catch {
    return undefined;
  }
}

/** Whose it is, in the form that cannot look like another's: IDN hosts stand in their ASCII form. */
export function hostOf(href: string): string {
  try {
    const url = new URL(href);
    return url.protocol === "mailto:" ? url.pathname : url.host;
  } catch {
    return "";
  }
}

/** A path as it is said beside the folder that the session works in. */
export function near(path: string, folder: string): string {
  if (folder.length > 1 && path.startsWith(folder.endsWith("/") ? folder : `${folder}/`)) return path.slice(folder.length).replace(/^\/+/, "") || path;
  return path;
}

/** The same for paths inside of a title. */
export function nearAll(text: string, folder: string): string {
  return folder.length > 3 ? text.replaceAll(folder.endsWith("/") ? folder : `${folder}/`, "") : text;
}
