/** Something went wrong that the page cannot go on from by itself: what happened, and what a person can do. */
import type { ComponentChildren } from "preact";
import { Button } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";

export function reasonOf(error: unknown): string {
  if (error instanceof Error) return error.message === "" ? error.name : `${error.name}: ${error.message}`;
  return String(error);
}

export function Failed({ title, error, onRetry, children }: {
  title: string;
  error?: unknown;
  onRetry?: () => void;
  children?: ComponentChildren;
}) {
  return (
    <main class="failed">
      <h1><Icon name="error" /> {title}</h1>
      <p>{children}</p>
      {error !== undefined && <pre class="failed-reason">{reasonOf(error)}</pre>}
      <div class="failed-actions">
        {onRetry && <Button kind="primary" onClick={onRetry}>Try again</Button>}
        <Button kind={onRetry ? "plain" : "primary"} icon="refresh" onClick={() => location.reload()}>Reload the page</Button>
      </div>
    </main>
  );
}
