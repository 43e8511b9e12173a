/** A text to take elsewhere: shown, selected by a press, copied, and shared where the system can. */
import { useState } from "preact/hooks";
import { Button } from "../parts/index.ts";
import { announce } from "../parts/toast.tsx";

export function CopyText({ text, label, share }: { text: string; label: string; share?: string }) {
  const [copied, setCopied] = useState(false);
  // Without https there is no clipboard for scripts: the text can be selected all the same.
  const canCopy = typeof navigator.clipboard?.writeText === "function";
  const canShare = share !== undefined && typeof navigator.share === "function";
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      announce("Copied");
      setTimeout(() => setCopied(false), 2500);
    } catch {
      setCopied(false);
    }
  };
  return (
    <div class="copy-text">
      <input class="mono" readOnly value={text} aria-label={label} onFocus={(event) => event.currentTarget.select()} />
      {canCopy && <Button icon={copied ? "check" : "copy"} onClick={copy}>{copied ? "Copied" : "Copy"}</Button>}
      {canShare && <Button icon="external" onClick={() => void navigator.share({ title: share, url: text }).catch(() => {})}>Share</Button>}
    </div>
  );
}
