/** What can be answered, by kind of ask. */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { AskOptionKind, type Ask, type AskOption } from "@libremote/link/messages";
import { lazy } from "../frame/lazy.tsx";
import { Button, count, Icon } from "../parts/index.ts";
import { canDecline, cannotBeAnswered, COMMENT_BYTES_MAX, takesNothing, takesSeveral, takesWords, utf8Bytes, withWritten, type Answer } from "./answers.ts";
import { shownNumber, useAskKeys } from "./keys.ts";
import { useKept } from "./kept.ts";
import { OpenPage } from "./open-page.tsx";
import { OptionButton } from "./options.tsx";
import { isBig, offered } from "./options.ts";
import type { AskEntry, SteerStore } from "./store.ts";

const FormAnswer = lazy(async () => (await import("./form.tsx")).FormAnswer);

/** More of the once kinds than this are a list. */
const BIG_MAX = 3;

/** From here on it is said how many there are: not all of them are seen at once. */
const MANY = 6;

interface Props {
  store: SteerStore;
  entry: AskEntry;
  off: boolean;
  /** Its numbers on the keyboard count. */
  keys: boolean;
  /** By what it is: lines that are not shown. */
  hidden: Readonly<Record<string, number>>;
  /** The change itself could not be loaded. */
  unread: boolean;
  answer(given: Answer): boolean;
}

/** A mode of the agent that asks less is chosen at the host only; the host refuses it from afar (5011). */
function barredBy(ask: Ask, option: AskOption, store: SteerStore): string | undefined {
  if (ask.kind.case !== "plan") return undefined;
  const mode = store.model.view.value?.modes.find((m) => m.modeId === option.optionId);
  return mode?.elevating ? "the agent would ask less afterwards: only at the host's own terminal" : undefined;
}

/** Beside the buttons: that not all of what is answered is seen. */
function Unseen({ hidden, unread }: Pick<Props, "hidden" | "unread">) {
  const parts = Object.entries(hidden).filter(([, lines]) => lines > 0).map(([what, lines]) => `${count(lines, "line")} of the ${what} not shown`);
  if (unread) parts.unshift("the change could not be loaded and is not shown");
  if (parts.length === 0) return null;
  return <p class="ask-unseen" data-testid="ask-unseen"><Icon name="warning" /> {parts.join(", ")}</p>;
}

function Comment({ value, onChange, off }: { value: string; onChange(text: string): void; off: boolean }) {
  const [open, setOpen] = useState(value !== "");
  const fresh = useRef(false);
  if (!open) return <Button kind="quiet" icon="edit" class="ask-add" onClick={() => {
    fresh.current = true;
    setOpen(true);
  }}>Add a comment</Button>;
  const over = utf8Bytes(value) > COMMENT_BYTES_MAX;
  return (
    <label class="field ask-note">
      <span class="small">Comment, sent with the answer</span>
      <textarea data-testid="ask-comment" rows={2} value={value} readOnly={off} aria-invalid={over || undefined}
        ref={(element) => {
          if (element && fresh.current) element.focus();
          fresh.current = false;
        }}
        onInput={(event) => onChange(event.currentTarget.value)} onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
        }} />
      {over && <span class="problem small">A comment may have 4 KiB; this one has more.</span>}
    </label>
  );
}

function Words({ value, onChange, onSend, off, label, action }: {
  value: string; onChange(text: string): void; onSend(): void; off: boolean; label: string; action: string;
}) {
  return (
    <div class="ask-words">
      <label class="field">
        <span class="small">{label}</span>
        <textarea data-testid="ask-text" rows={2} value={value} onInput={(event) => onChange(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
              event.preventDefault();
              onSend();
            }
          }} />
      </label>
      <Button kind="primary" icon="send" data-testid="ask-send" off={off || value.trim() === ""} onClick={onSend}>{action}</Button>
    </div>
  );
}

/** Several of the options, then one button. */
function Several({ store, entry, off, words, onWords, answer, more }: Omit<Props, "keys" | "hidden" | "unread"> & {
  words: string; onWords(text: string): void; more: ComponentChildren;
}) {
  const [chosen, setChosen] = useKept<readonly string[]>(store, entry.id, "chosen", () => []);
  const options = offered(entry.ask);
  const ids = options.map((o) => o.optionId).filter((id) => chosen.includes(id));
  const free = takesWords(entry.ask);
  const ready = ids.length > 0 || (free && words.trim() !== "");
  return (
    <>
      <fieldset class="ask-choices" role="group" aria-label="Choose any">
        <p class="small muted">Choose one or more{free ? ", or answer in words" : ""}:</p>
        {options.map((option) => (
          <OptionButton key={option.optionId} option={option} off={off} pressed={chosen.includes(option.optionId)}
            onChoose={() => setChosen(chosen.includes(option.optionId) ? chosen.filter((id) => id !== option.optionId) : [...chosen,
              option.optionId])} />
        ))}
      </fieldset>
      {free && (
        <label class="field"><span class="small">In your own words</span>
          <textarea data-testid="ask-text" rows={2} value={words} onInput={(event) => onWords(event.currentTarget.value)} />
        </label>
      )}
      {more}
      <div class="ask-big">
        <Button kind="primary" icon="send" wide data-testid="ask-send" off={off || !ready}
          onClick={() => answer({ optionId: ids[0] ?? "", moreOptionIds: ids.slice(1) })}>
          {ids.length > 0 ? `Answer with ${ids.length} chosen` : "Answer"}
        </Button>
      </div>
    </>
  );
}

export function AskAnswer(props: Props) {
  const { store, entry, off, keys } = props;
  const { ask } = entry;
  const [comment, setComment] = useKept(store, entry.id, "comment", () => "");
  const [words, setWords] = useKept(store, entry.id, "words", () => "");
  const answer = (given: Answer): boolean => props.answer(withWritten(ask, given, { comment, words }));
  useAskKeys(entry, keys && !off, answer);
  const options = offered(ask);
  const list = ask.kind.case === "question";
  const big = options.filter((option) => isBig(option));
  const split = !list && big.length <= BIG_MAX;
  const button = (option: AskOption, large: boolean) => (
    <OptionButton key={option.optionId} option={option} number={shownNumber(ask, options.indexOf(option), keys)} big={large} off={off}
      recommended={ask.kind.case === "plan" && ask.kind.value.recommended !== "" && ask.kind.value.recommended === option.optionId}
      barred={barredBy(ask, option, store)}
      onChoose={() => answer({ optionId: option.optionId })} />
  );
  const decline = canDecline(ask) && !options.some((o) => o.kind === AskOptionKind.REJECT_ONCE) && (
    <Button kind="quiet" icon="close" data-testid="ask-decline" off={off} onClick={() => answer({ declined: true })}>
      {ask.kind.case === "openUrl" ? "Do not open it" : "Decline to answer"}
    </Button>
  );
  if (ask.kind.case === "form") return <FormAnswer form={ask.kind.value} numbers={(at) => shownNumber(ask, at, keys)} off={off} answer={answer} comment={<Comment value={comment}
    onChange={setComment} off={off} />} store={store} entry={entry} />;
  const more = (
    <div class="ask-more">
      <Comment value={comment} onChange={setComment} off={false} />
      {decline}
    </div>
  );
  if (cannotBeAnswered(ask) && !decline) return <p class="ask-view-only">The agent offers nothing to choose, so it cannot be answered.
    It ends when the agent takes it back, or when the turn is stopped.</p>;
  return (
    <>
      {ask.kind.case === "openUrl" && <OpenPage url={ask.kind.value.url} />}
      {takesSeveral(ask) ? <Several store={store} entry={entry} off={off} words={words} onWords={setWords} answer={answer} more={more} /> : (
        <>
          {!(split && big.length > 0) && !takesNothing(ask) && <Unseen hidden={props.hidden} unread={props.unread} />}
          {options.length > MANY && <p class="small muted">Choose one of {options.length}:</p>}
          {options.length > 0 && (
            <div class={list ? "ask-choices" : "ask-quiet"}>{options.filter((o) => !split || !isBig(o)).map((o) => button(o, false))}</div>
          )}
          {takesWords(ask) && (
            <Words value={words} onChange={setWords} off={off} label={options.length > 0 ? "Or in your own words; they go along with an option, too"
              : "Your answer"}
              action="Answer in words" onSend={() => void answer({})} />
          )}
        </>
      )}
      {!takesSeveral(ask) && more}
      {split && big.length > 0 && <div class="ask-big"><Unseen hidden={props.hidden} unread={props.unread} />{big.map((o) => button(o, true))}</div>}
      {takesNothing(ask) && (
        <div class="ask-big"><Unseen hidden={props.hidden} unread={props.unread} /><Button kind="primary" icon="check" wide data-testid="ask-send" off={off}
          onClick={() => answer({})}>I opened it</Button></div>
      )}
    </>
  );
}
