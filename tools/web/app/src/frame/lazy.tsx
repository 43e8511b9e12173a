/** A part of the page that is fetched when it is first shown. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Failed } from "./failed.tsx";

/** `load` brings the component; while it is on its way there is a quiet gap, and when it cannot be had the page says so. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const loaded = signal<ComponentType<P> | undefined>(undefined);
  const failed = signal<unknown>(undefined);
  let asked = false;
  const ask = () => {
    if (asked) return;
    asked = true;
    failed.value = undefined;
    load().then((component) => (loaded.value = component), (error: unknown) => {
      asked = false;
      failed.value = error;
    });
  };
  return function Lazy(props: P) {
    useEffect(ask, []);
    const Component = loaded.value;
    if (Component) return <Component {...props} />;
    if (failed.value === undefined) return <div class="lazy-gap" aria-busy="true" />;
    return (
      <Failed title="This part of the page could not be loaded" error={failed.value} onRetry={ask}>
        The relay cannot be reached, or it serves a newer version of the page by now.
      </Failed>
    );
  };
}
