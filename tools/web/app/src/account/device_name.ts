/** A name for this browser that its owner recognizes in a list of devices; it is offered, and can be changed. */

const systems: readonly (readonly [RegExp, string])[] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android.*Mobile/, "Android phone"],
  [/Android/, "Android tablet"],
  [/CrOS/, "Chromebook"],
  [/Mac OS X|Macintosh/, "Mac"],
  [/Windows/, "Windows"],
  [/Linux|X11/, "Linux"],
];
const browsers: readonly (readonly [RegExp, string])[] = [
  [/Edg(?:A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/SamsungBrowser\//, "Samsung Internet"],
  [/(?:Firefox|FxiOS)\//, "Firefox"],
  [/(?:Chrome|CriOS|Chromium)\//, "Chrome"],
  [/Safari\//, "Safari"],
];

const first = (table: readonly (readonly [RegExp, string])[], text: string): string | undefined =>
  table.find(([pattern]) => pattern.test(text))?.[1];

/** `touch`: an iPad says that it is a Mac; no Mac has a touch screen. */
export function deviceName(userAgent: string, touch: boolean): string {
  const found = first(systems, userAgent);
  const system = found === "Mac" && touch ? "iPad" : found;
  const browser = first(browsers, userAgent);
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system ?? "Browser";
}

export const ownDeviceName = (): string => deviceName(navigator.userAgent, navigator.maxTouchPoints > 1);

const BYTES_MAX = 63;
/** Why the relay would not take it as a name; undefined: it would. */
export function nameFault(name: string): string | undefined {
  if (name.trim() === "") return "Write a name for this device.";
  if (new TextEncoder().encode(name.trim()).length > BYTES_MAX) return "That name is too long.";
  return undefined;
}
