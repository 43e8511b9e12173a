/** Buttons. A busy or unavailable one keeps its focus and says so; `disabled` would throw the keyboard out of the page. */
import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icon.tsx";

type Rest = Omit<JSX.IntrinsicElements["button"], "class" | "icon" | "type" | "disabled">;

export interface ButtonProps extends Rest {
  kind?: "plain" | "primary" | "danger" | "quiet";
  icon?: IconName;
  /** It is being done: another press does nothing. */
  busy?: boolean;
  /** It cannot be done now; say why in `title` or beside it. */
  off?: boolean;
  wide?: boolean;
  class?: string;
  submit?: boolean;
  children?: ComponentChildren;
}

export function Button({ kind = "plain", icon, busy, off, wide, class: extra, submit, children, onClick, ...rest }: ButtonProps) {
  const stopped = Boolean(busy || off);
  const names = ["button", kind, !children && "icon-only", wide && "wide", extra].filter(Boolean).join(" ");
  return (
    <button {...rest} type={submit ? "submit" : "button"} class={names} aria-disabled={stopped || undefined} aria-busy={busy || undefined}
      onClick={(event) => {
        if (stopped) {
          event.preventDefault();
          event.stopPropagation();
        } else onClick?.call(event.currentTarget, event);
      }}>
      {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** Only a picture is seen; `label` is its name. */
export function IconButton({ label, ...rest }: Omit<ButtonProps, "children"> & { label: string; icon: IconName }) {
  return <Button kind="quiet" title={label} aria-label={label} {...rest} />;
}
