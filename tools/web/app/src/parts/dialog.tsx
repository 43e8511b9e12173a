/** A native modal dialog: the browser keeps the focus in it, closes it with Escape and gives the focus back. */
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Button, IconButton } from "./button.tsx";

export interface DialogProps {
  open: boolean;
  title: string;
  onClose(): void;
  children: ComponentChildren;
  class?: string;
}

export function Dialog({ open, title, onClose, children, class: extra }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useLayoutEffect(() => { // with its content: a key that is pressed now is for what is in it
    const dialog = element.current;
    if (!dialog) return;
    if (open && !dialog.open) dialog.showModal();
    else if (!open && dialog.open) dialog.close();
  }, [open]);
  return (
    <dialog ref={element} class={`dialog${extra ? ` ${extra}` : ""}`} aria-labelledby={heading} onClose={onClose}
      onClick={(event) => {
        if (event.target === element.current) element.current?.close(); // the backdrop
      }}>
      {open && (
        <>
          <div class="dialog-head">
            <h2 id={heading}>{title}</h2>
            <IconButton icon="close" label="Close" onClick={() => element.current?.close()} />
          </div>
          <div class="dialog-body">{children}</div>
        </>
      )}
    </dialog>
  );
}

export interface ConfirmProps {
  open: boolean;
  title: string;
  /** What it does, as a verb: it stands on the button. */
  action: string;
  danger?: boolean;
  busy?: boolean;
  /** Why it was not done; empty: it was not tried, or is being done. */
  fault?: string;
  onConfirm(): void;
  onClose(): void;
  children: ComponentChildren;
}

export function Confirm({ open, title, action, danger, busy, fault, onConfirm, onClose, children }: ConfirmProps) {
  return (
    <Dialog open={open} title={title} onClose={onClose}>
      {children}
      <p class="dialog-fault" role="alert">{fault}</p>
      <div class="dialog-actions">
        <Button onClick={onClose}>Keep</Button>
        <Button kind={danger ? "danger" : "primary"} busy={busy ?? false} onClick={onConfirm}>{action}</Button>
      </div>
    </Dialog>
  );
}
