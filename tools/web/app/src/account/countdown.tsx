/** How long something is still good, second by second; a screen reader hears only that it is over. */
import { useEffect, useState } from "preact/hooks";

export function useLeft(until: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [until]);
  return Math.max(0, Math.ceil((until - now) / 1000));
}

export function Countdown({ seconds }: { seconds: number }) {
  const rest = String(seconds % 60).padStart(2, "0");
  return <span class="countdown" role="timer" aria-live="off">{Math.floor(seconds / 60)}:{rest}</span>;
}
