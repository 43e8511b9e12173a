/** The module that reads the relay's frames is missing or has stopped. There is no second reader. */
import { Failed } from "./failed.tsx";

export function LinkMissing({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  const unsupported = typeof WebAssembly === "undefined";
  return (
    <Failed title="This page cannot read the relay's frames" error={error} {...(onRetry && !unsupported ? { onRetry } : {})}>
      {unsupported
        ? "It needs WebAssembly, which this browser does not have or has switched off (some do so in their strict mode). Allow it for this page, or use another browser."
        : "Its link, remote-link.wasm, could not be loaded from the relay, and nothing else here can read frames. If the relay is being restarted, try again in a moment."}
    </Failed>
  );
}

export function LinkStopped({ error }: { error: unknown }) {
  return (
    <Failed title="The page's link has stopped" error={error}>
      A fault in remote-link.wasm. What the relay had stored stays stored; reload to go on from there. Please report it with the line below.
    </Failed>
  );
}
