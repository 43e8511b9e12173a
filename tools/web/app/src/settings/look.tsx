/** Colours and text size of this browser. */
import { textSize, textSizes, theme, themes } from "./preferences.ts";

const themeWords = { system: "As the system", light: "Light", dark: "Dark" } as const;
const sizeWords = { small: "Small", normal: "Normal", large: "Large", larger: "Larger" } as const;

export function Look() {
  return (
    <section class="card settings-card" aria-labelledby="settings-look">
      <h2 id="settings-look">Look</h2>
      <Choice name="Colours" values={themes} words={themeWords} chosen={theme.value} onChoose={(value) => (theme.value = value)} />
      <Choice name="Text size" values={textSizes} words={sizeWords} chosen={textSize.value} onChoose={(value) => (textSize.value = value)} />
    </section>
  );
}

function Choice<T extends string>({ name, values, words, chosen, onChoose }: {
  name: string;
  values: readonly T[];
  words: Readonly<Record<T, string>>;
  chosen: T;
  onChoose(value: T): void;
}) {
  return (
    <fieldset class="choice">
      <legend>{name}</legend>
      <div class="choice-values">
        {values.map((value) => (
          <label key={value} class="choice-value">
            <input type="radio" name={name} value={value} checked={value === chosen} onChange={() => onChoose(value)} />
            <span>{words[value]}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
