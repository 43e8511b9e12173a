/** A form, field by field, checked as the host will check it. */
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import type { FormAsk, FormField } from "@libremote/link/messages";
import { Button, Icon } from "../parts/index.ts";
import type { Answer } from "./answers.ts";
import { asOptions, check, content, fieldShape, fieldTitle, initial, ruleWords, rulesOf, type Raw } from "./form.ts";
import { Foreign } from "./foreign.tsx";
import { plainText } from "./foreign.ts";
import { useKept } from "./kept.ts";
import type { AskEntry, SteerStore } from "./store.ts";

/** Choices up to this many are shown as such; more are a list to pick from. */
const RADIOS_MAX = 6;

interface FieldProps {
  field: FormField;
  raw: Raw;
  problem: string | undefined;
  onChange(raw: Raw): void;
}

function Switch({ field, raw, onChange, name }: FieldProps & { name: string }) {
  return (
    <div class="choice-values">
      {[true, false].map((value) => (
        <label class="choice-value" key={String(value)}>
          <input type="radio" name={name} checked={raw === value} onChange={() => onChange(value)} /> {value ? "Yes" : "No"}
        </label>
      ))}
      {!field.required && raw !== undefined && <Button kind="quiet" onClick={() => onChange(undefined)}>No answer</Button>}
    </div>
  );
}

function Choice({ field, raw, onChange, name }: FieldProps & { name: string }) {
  if (field.choices.length > RADIOS_MAX) {
    return (
      <select id={name} value={typeof raw === "string" ? raw : ""} onChange={(event) => onChange(event.currentTarget.value || undefined)}>
        <option value="">{field.required ? "Choose one" : "None"}</option>
        {field.choices.map((c) => <option key={c.value} value={c.value}>{plainText(c.label || c.value)}</option>)}
      </select>
    );
  }
  return (
    <div class="choice-values">
      {field.choices.map((c) => (
        <label class="choice-value" key={c.value}>
          <input type="radio" name={name} checked={raw === c.value} onChange={() => onChange(c.value)} /> <Foreign
            text={c.label || c.value} oneLine />
        </label>
      ))}
      {!field.required && raw !== undefined && <Button kind="quiet" onClick={() => onChange(undefined)}>None</Button>}
    </div>
  );
}

function Several({ field, raw, onChange }: FieldProps) {
  const chosen = Array.isArray(raw) ? (raw as readonly string[]) : [];
  return (
    <div class="choice-values">
      {field.choices.map((c) => (
        <label class="choice-value" key={c.value}>
          <input type="checkbox" checked={chosen.includes(c.value)}
            onChange={(event) => onChange(event.currentTarget.checked ? [...chosen, c.value]
              : chosen.filter((value) => value !== c.value))} />
          {" "}<Foreign text={c.label || c.value} oneLine />
        </label>
      ))}
    </div>
  );
}

const inputTypes: Readonly<Record<string, "email" | "url" | "date">> = { email: "email", uri: "url", date: "date" };

function Text({ field, raw, problem, onChange, name, about }: FieldProps & { name: string; about: string }) {
  const shape = fieldShape(field);
  const rules = rulesOf(field);
  const common = {
    id: name, name: field.name, "aria-describedby": about, "aria-invalid": problem !== undefined || undefined,
      "aria-required": field.required || undefined,
  };
  if (shape === "list")
    return <textarea {...common} rows={3} value={Array.isArray(raw) ? raw.join("\n") : ""}
      onInput={(event) => onChange(event.currentTarget.value.split("\n"))} />;
  const value = typeof raw === "string" ? raw : "";
  if (shape === "number")
    return <input {...common} type="text" inputMode={field.type === 3 ? "numeric" : "decimal"} value={value}
      onInput={(event) => onChange(event.currentTarget.value)} />;
  if (rules.format === undefined && (rules.maxLength === undefined || rules.maxLength > 120))
    return <textarea {...common} rows={value.length > 80 || value.includes("\n") ? 4 : 1} value={value}
      onInput={(event) => onChange(event.currentTarget.value)} />;
  return (
    <input {...common} type={(inputTypes[rules.format ?? ""] ?? "text") as "text"} value={value}
      placeholder={rules.format === "date-time" ? "2026-01-31T10:00:00Z" : undefined}
      onInput={(event) => onChange(event.currentTarget.value)} />
  );
}

function Field(props: FieldProps) {
  const { field, problem } = props;
  const name = useId();
  const about = `${name}-about`;
  const shape = fieldShape(field);
  const grouped = shape === "switch" || shape === "several" || (shape === "choice" && field.choices.length <= RADIOS_MAX);
  const label = <><Foreign text={fieldTitle(field)} oneLine />{field.required && <span class="required"> (required)</span>}</>;
  const below = (
    <div id={about} class="field-about small">
      {field.description && <p class="muted"><Foreign text={field.description} prose /></p>}
      {ruleWords(field) && <p class="muted">{ruleWords(field)}</p>}
      {problem !== undefined && <p class="problem"><Icon name="warning" /> {problem}</p>}
    </div>
  );
  if (grouped) {
    return (
      <fieldset class="field" data-testid="form-field" data-field={field.name} aria-describedby={about}
        aria-invalid={problem !== undefined || undefined}>
        <legend>{label}</legend>
        {shape === "switch" ? <Switch {...props} name={name} /> : shape === "several" ? <Several {...props} /> : <Choice {...props}
          name={name} />}
        {below}
      </fieldset>
    );
  }
  return (
    <div class="field" data-testid="form-field" data-field={field.name}>
      <label for={name}>{label}</label>
      {shape === "choice" ? <Choice {...props} name={name} /> : <Text {...props} name={name} about={about} />}
      {below}
    </div>
  );
}

interface Props {
  form: FormAsk;
  off: boolean;
  /** The key that answers with the choice at that place. */
  numbers(at: number): number | undefined;
  answer(given: Answer): boolean;
  comment: ComponentChildren;
  store: SteerStore;
  entry: AskEntry;
}

function Decline({ off, answer }: { off: boolean; answer(given: Answer): boolean }) {
  return <Button kind="quiet" icon="close" data-testid="ask-decline" off={off} onClick={() => answer({ declined: true })}>Decline
    to answer</Button>;
}

/** One choice: each is a tap. */
function OneChoice({ form, off, numbers, answer, comment }: Props) {
  const options = asOptions(form)!;
  const field = form.fields[0]!;
  return (
    <>
      {field.title && field.title !== form.text && <p class="small muted"><Foreign text={fieldTitle(field)} oneLine /></p>}
      {field.description && <p class="small muted"><Foreign text={field.description} prose /></p>}
      <div class="ask-choices">
        {options.map((option, at) => (
          <button type="button" key={option.value} class="option other" data-testid="ask-option" data-option={option.value}
            data-option-kind="choice"
            aria-disabled={off || undefined} onClick={() => {
              if (!off) answer({ json: option.json });
            }}>
            <Icon name="forward" />
            <span class="option-words"><span class="option-label"><Foreign text={option.label} oneLine /></span></span>
            {numbers(at) !== undefined && <kbd class="option-number" aria-hidden="true">{numbers(at)}</kbd>}
          </button>
        ))}
      </div>
      <div class="ask-more">{comment}<Decline off={off} answer={answer} /></div>
    </>
  );
}

export function FormAnswer(props: Props) {
  const { form, off, answer, comment, store, entry } = props;
  const [raws, setRaws] = useKept<ReadonlyMap<string, Raw>>(store, entry.id, "fields", () => new Map(form.fields.map((field) => [field.name, initial(field)])));
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const element = useRef<HTMLFormElement>(null);
  if (asOptions(form)) return <OneChoice {...props} />;
  const problemOf = (field: FormField) => (touched.has(field.name) ? check(field, raws.get(field.name)).problem : undefined);
  const submit = () => {
    if (off) return;
    const done = content(form, raws);
    if (done.json === undefined) {
      setTouched(new Set(form.fields.map((field) => field.name)));
      const first = form.fields.find((field) => done.problems.has(field.name));
      requestAnimationFrame(() => {
        const row = element.current?.querySelector(`[data-field="${CSS.escape(first?.name ?? "")}"]`);
        row?.querySelector<HTMLElement>("input, textarea, select")?.focus();
      });
      return;
    }
    answer({ json: done.json });
  };
  return (
    <form class="ask-form" ref={element} noValidate onSubmit={(event) => {
      event.preventDefault();
      submit();
    }}>
      {form.fields.map((field) => (
        <Field key={field.name} field={field} raw={raws.get(field.name)} problem={problemOf(field)}
          onChange={(raw) => {
            setRaws(new Map(raws).set(field.name, raw));
            if (!touched.has(field.name) && typeof raw !== "string") setTouched(new Set(touched).add(field.name));
          }} />
      ))}
      <div class="ask-more">{comment}<Decline off={off} answer={answer} /></div>
      <div class="ask-big"><Button submit kind="primary" icon="send" wide data-testid="ask-send" off={off}>Send the answer</Button></div>
    </form>
  );
}
