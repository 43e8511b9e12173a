/** A part of the page that is fetched when it is first shown. */
import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Failed } from "./failed.tsx";

/** Whether it is shown: for what must not be used before it is. */
export type LazyState = "coming" | "shown" | "failed";
export type LazyComponent<P> = ComponentType<P> & { state: ReadonlySignal<LazyState> };

/** `load` brings the component; while it is on its way there is a quiet gap, and when it cannot be had the page says so. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): LazyComponent<P> {
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
  const state = computed<LazyState>(() => (loaded.value ? "shown" : failed.value === undefined ? "coming" : "failed"));
  function Lazy(props: P) {
    useEffect(ask, []);
    const Component = loaded.value;
    if (Component) return <Component {...props} />;
    if (failed.value === undefined) return <div class="lazy-gap" aria-busy="true" />;
    return (
      <Failed title="This part of the page could not be loaded" error={failed.value} onRetry={ask}>
        The relay cannot be reached, or it serves a newer version of the page by now.
      </Failed>
    );
  }
  return Object.assign(Lazy, { state });
}
