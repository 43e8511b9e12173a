/** The options of an ask as buttons: those of this one time large and within the thumb's reach, lasting ones quieter. */
import type { AskOption } from "@libremote/link/messages";
import { Icon, type IconName } from "../parts/index.ts";
import { Foreign } from "./foreign.tsx";
import { kindFacts, label, type Tone } from "./options.ts";

const icons: Record<Tone, IconName> = { yes: "check", no: "close", other: "forward" };

/** A label of more letters is set smaller on a large button. */
const LONG_LETTERS = 28;

interface OptionProps {
  option: AskOption;
  /** The key that answers with it. */
  number?: number | undefined;
  big?: boolean;
  recommended?: boolean;
  off: boolean;
  /** Why it cannot be chosen from here. */
  barred?: string | undefined;
  pressed?: boolean | undefined;
  onChoose(): void;
}

export function OptionButton({ option, number, big, recommended, off, barred, pressed, onChoose }: OptionProps) {
  const { name, tone, words, lasting } = kindFacts(option.kind);
  const stopped = off || barred !== undefined;
  return (
    <button type="button" data-testid="ask-option" data-option={option.optionId} data-option-kind={name}
      class={`option ${tone}${big ? " big" : ""}${label(option).length > LONG_LETTERS ? " long" : ""}${lasting ? " lasting" : ""}${barred !== undefined ? " not-here" : ""}`}
        aria-disabled={stopped || undefined} aria-pressed={pressed}
      onClick={() => {
        if (!stopped) onChoose();
      }}>
      {pressed === undefined ? <Icon name={icons[tone]} /> : <span class="option-box">{pressed && <Icon name="check" />}</span>}
      <span class="option-words">
        <span class="option-label"><Foreign text={label(option)} oneLine /></span>
        {(words || recommended) && (
          <span class="option-kind">{[recommended ? "recommended" : "", words].filter(Boolean).join(" · ")}</span>
        )}
        {option.description && <span class="option-about"><Foreign text={option.description} prose /></span>}
        {barred !== undefined && <span class="option-about barred">{barred}</span>}
      </span>
      {number !== undefined && <kbd class="option-number" aria-hidden="true">{number}</kbd>}
    </button>
  );
}
