/** The agent's mode and its options. What makes it ask less is chosen at the host only, and says so. */
import { useState } from "preact/hooks";
import { lazy } from "../frame/lazy.tsx";
import { Button, Dialog } from "../parts/index.ts";
import type { SessionModel } from "../state/session.ts";
import { plainText, short } from "./foreign.ts";
import { steering } from "./store.ts";

const ModesBody = lazy(async () => (await import("./modes_body.tsx")).ModesBody);

export function ModeButton({ model }: { model: SessionModel }) {
  const store = steering(model);
  const [open, setOpen] = useState(false);
  const view = model.view.value;
  if (!view || (view.modes.length === 0 && view.options.length === 0 && view.permissionMode === "")) return null;
  const mode = view.modes.find((m) => m.modeId === view.currentModeId);
  const name = short(plainText(mode?.name || view.currentModeId || view.permissionMode || "Options"), 40);
  return (
    <>
      <Button class={`mode-button${mode?.elevating ? " elevated" : ""}`} data-testid="mode-button" data-mode={view.currentModeId}
        aria-haspopup="dialog"
        icon={mode?.elevating ? "warning" : "settings"} title={mode?.elevating ? `Mode ${name}: the agent asks less` : `Mode ${name}`}
          onClick={() => setOpen(true)}>
        <span class="one-line">{name}</span>
      </Button>
      <Dialog open={open} title="Mode and options" onClose={() => setOpen(false)} class="modes">
        {open && <ModesBody store={store} view={view} />}
      </Dialog>
    </>
  );
}
