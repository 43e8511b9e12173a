/** Settings of this browser. */
import { Icon } from "../parts/index.ts";
import { textSize, textSizes, theme, themes } from "../settings/preferences.ts";

const themeWords = { system: "As the system", light: "Light", dark: "Dark" } as const;
const sizeWords = { small: "Small", normal: "Normal", large: "Large", larger: "Larger" } as const;

export function SettingsPage() {
  return (
    <div class="page">
      <header class="page-head">
        <a class="button quiet icon-only" href="#/" aria-label="All sessions" title="All sessions"><Icon name="back" /></a>
        <h1>Settings</h1>
      </header>
      <main class="page-body">
        <section class="card settings-card" aria-labelledby="settings-look">
          <h2 id="settings-look">Look</h2>
          <Choice name="Colours" values={themes} words={themeWords} chosen={theme.value} onChoose={(value) => (theme.value = value)} />
          <Choice name="Text size" values={textSizes} words={sizeWords} chosen={textSize.value} onChoose={(value) => (textSize.value = value)} />
        </section>
      </main>
    </div>
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
