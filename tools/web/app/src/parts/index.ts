export { Badge, type Tone } from "./badge.tsx";
export { Button, IconButton, type ButtonProps } from "./button.tsx";
export { now, relayNow } from "./clock.ts";
export { Confirm, Dialog } from "./dialog.tsx";
export { useEscape } from "./escape.ts";
export { Icon, type IconName } from "./icon.tsx";
export { RelativeTime } from "./time.tsx";
export { announce, toast, Toasts } from "./toast.tsx";
export { ago, bytes, clockTime, count, date, duration, fullTime, remaining } from "./words.ts";
