/** The modes and options to choose from: fetched when they are first opened. */
import type { ConfigOption, ConfigValue } from "@libremote/link/messages";
import { Icon } from "../parts/index.ts";
import type { SessionModel } from "../state/session.ts";
import { CommandRow } from "./commands.tsx";
import { isDone, wentWell } from "./commands.ts";
import { Foreign } from "./foreign.tsx";
import { plainText, short } from "./foreign.ts";
import type { Body, SteerStore } from "./store.ts";

const BARRED = "the agent would ask less: only at the host's own terminal";

function Modes({ store, off }: { store: SteerStore; off: boolean }) {
  const view = store.model.view.value;
  const modes = view?.modes ?? [];
  if (modes.length === 0) return null;
  return (
    <fieldset class="mode-list">
      <legend>Mode</legend>
      {modes.map((mode) => {
        const current = mode.modeId === view?.currentModeId;
        const stopped = off || (mode.elevating && !current);
        return (
          <button type="button" key={mode.modeId} class={`mode-option${current ? " current" : ""}`} data-testid="mode-option"
            data-mode={mode.modeId}
            aria-pressed={current} aria-disabled={stopped || undefined} onClick={() => {
              if (!stopped && !current) store.send({ case: "setMode", value: { modeId: mode.modeId } } as Body);
            }}>
            <span class="mode-mark">{current && <Icon name="check" />}</span>
            <span class="option-words">
              <span class="option-label"><Foreign text={mode.name || mode.modeId} oneLine /></span>
              {mode.description && <span class="option-about"><Foreign text={mode.description} prose /></span>}
              {mode.elevating && <span class="option-about barred"><Icon name="warning" /> {BARRED}</span>}
            </span>
          </button>
        );
      })}
    </fieldset>
  );
}

function groups(values: readonly ConfigValue[]): [string, ConfigValue[]][] {
  const found = new Map<string, ConfigValue[]>();
  for (const value of values) found.set(value.group, [...(found.get(value.group) ?? []), value]);
  return [...found];
}

function Option({ store, option, off }: { store: SteerStore; option: ConfigOption; off: boolean }) {
  const set = (value: string) => store.send({ case: "setConfigOption", value: { optionId: option.optionId, value } } as Body);
  const about = option.description && <span class="small muted"><Foreign text={option.description} prose /></span>;
  const barred = (value: string) => option.values.find((v) => v.value === value)?.elevating === true && value !== option.currentValue;
  const name = plainText(option.name || option.optionId);
  if (option.boolean) {
    const on = option.currentValue === "true";
    const next = on ? "false" : "true";
    return (
      <div class="field config" data-testid="config-option" data-option={option.optionId} data-value={option.currentValue}>
        <label class="config-switch">
          <input type="checkbox" role="switch" checked={on} disabled={off || barred(next)} onClick={(event) => {
            event.preventDefault(); // it turns when the agent says so
            set(next);
          }} />
          <span>{name}</span>
        </label>
        {about}
        {barred(next) && <span class="option-about barred">{BARRED}</span>}
      </div>
    );
  }
  if (option.values.length === 0) {
    return (
      <div class="field config" data-testid="config-option" data-option={option.optionId} data-value={option.currentValue}>
        <p><span class="config-name">{name}</span>: <Foreign text={option.currentValue || "not set"} oneLine /></p>
        {about}
        <span class="small muted">The agent does not say what else it could be; it is changed at the host.</span>
      </div>
    );
  }
  const known = option.values.some((v) => v.value === option.currentValue);
  const item = (value: ConfigValue) => (
    <option key={value.value} value={value.value} disabled={value.elevating && value.value !== option.currentValue}>
      {short(plainText(value.name || value.value), 80)}{value.elevating ? ` (${BARRED})` : ""}
    </option>
  );
  const current = option.values.find((v) => v.value === option.currentValue);
  return (
    <label class="field config">
      <span class="config-name">{name}</span>
      <select data-testid="config-option" data-option={option.optionId} data-value={option.currentValue} value={option.currentValue} disabled={off} onChange={(event) => {
        const wanted = event.currentTarget.value;
        event.currentTarget.value = option.currentValue; // it changes when the agent says so
        if (wanted !== option.currentValue) set(wanted);
      }}>
        {!known && <option value={option.currentValue}>{short(plainText(option.currentValue || "not set"), 80)}</option>}
        {groups(option.values).map(([group, values]) => group ? <optgroup key={group}
          label={short(plainText(group), 80)}>{values.map(item)}</optgroup> : values.map(item))}
      </select>
      {current?.description && <span class="small muted"><Foreign text={current.description} prose /></span>}
      {about}
    </label>
  );
}

/** Of one kind, the newest that has no good end: what is being changed, and what was refused. */
function Sent({ store }: { store: SteerStore }) {
  const commands = store.model.commands.value.filter((c) => c.body.case === "setMode" || c.body.case === "setConfigOption");
  const shown = commands.filter((c) => !isDone(c.facts) || !wentWell(c.facts)).slice(-2);
  return <>{shown.map((c) => <CommandRow key={c.id} store={store} command={c} />)}</>;
}

export function ModesBody({ store, view }: { store: SteerStore; view: NonNullable<SessionModel["view"]["value"]> }) {
  const why = store.viewOnly.value;
  // an option that only repeats the modes is shown once
  const options = view.options.filter((o) => o.category !== "mode" || view.modes.length === 0);
  return (
    <div class="modes-body">
      {why !== undefined && <p class="ask-view-only">{why}</p>}
      <Modes store={store} off={why !== undefined} />
      {options.map((option) => <Option key={option.optionId} store={store} option={option} off={why !== undefined} />)}
      {view.permissionMode && view.permissionMode !== view.currentModeId && (
        <p class="small muted">The agent calls its way of asking “{plainText(view.permissionMode)}”.</p>
      )}
      <Sent store={store} />
    </div>
  );
}
