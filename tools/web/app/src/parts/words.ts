/** Times and amounts in words. */
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long: "0 s", "12 s", "3 min", "2 h 10 min", "4 days". Less than nothing is nothing: clocks differ. */
export function duration(ms: number): string {
  const t = Math.max(0, ms);
  if (t < MINUTE) return `${Math.floor(t / SECOND)} s`;
  if (t < HOUR) return `${Math.floor(t / MINUTE)} min`;
  if (t < DAY) {
    const minutes = Math.floor((t % HOUR) / MINUTE);
    const hours = `${Math.floor(t / HOUR)} h`;
    return minutes > 0 && t < 10 * HOUR ? `${hours} ${minutes} min` : hours;
  }
  const days = Math.floor(t / DAY);
  return days === 1 ? "1 day" : `${days} days`;
}

/** How long ago: "just now", "12 s ago", …; what is older than two weeks is told by its date. */
export function ago(at: number, now: number): string {
  const t = now - at;
  if (t < 5 * SECOND) return "just now";
  if (t < 14 * DAY) return `${duration(t)} ago`;
  return `on ${date(at)}`;
}

/** Whole seconds that remain, rounded up: a countdown that says 1 until it is over. */
export const remaining = (until: number, now: number): number => Math.max(0, Math.ceil((until - now) / SECOND));

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const valid = (at: number): boolean => Number.isFinite(at) && Math.abs(at) <= 8.64e15;

/** HH:MM as the reader's locale writes it. */
export const clockTime = (at: number): string => (valid(at) ? timeFormat.format(at) : "?");
export const date = (at: number): string => (valid(at) ? dateFormat.format(at) : "?");
export const fullTime = (at: number): string => (valid(at) ? fullFormat.format(at) : "?");

/** "1 session", "2 sessions". */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** Bytes for people: "812 B", "1.4 KiB". */
export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let at = 0;
  let amount = Math.max(0, n);
  while (amount >= 1024 && at < units.length - 1) {
    amount /= 1024;
    at++;
  }
  return `${at === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${units[at]!}`;
}
