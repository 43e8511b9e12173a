/** What can be answered, by kind of ask. */
import { useState } from "preact/hooks";
import { AskOptionKind, type Ask, type AskOption } from "@libremote/link/messages";
import { lazy } from "../frame/lazy.tsx";
import { Button } from "../parts/index.ts";
import { canDecline, COMMENT_BYTES_MAX, takesNothing, takesSeveral, takesWords, utf8Bytes, type Answer } from "./answers.ts";
import { shownNumber } from "./keys.ts";
import { OpenPage } from "./open-page.tsx";
import { OptionButton } from "./options.tsx";
import { isBig, offered } from "./options.ts";
import type { AskEntry, SteerStore } from "./store.ts";

const FormAnswer = lazy(async () => (await import("./form.tsx")).FormAnswer);

/** More of the once kinds than this are a list. */
const BIG_MAX = 3;

interface Props {
  store: SteerStore;
  entry: AskEntry;
  off: boolean;
  /** Its numbers on the keyboard count. */
  keys: boolean;
  answer(given: Answer): boolean;
}

/** A mode of the agent that asks less is chosen at the host only; the host refuses it from afar (5011). */
function barredBy(ask: Ask, option: AskOption, store: SteerStore): string | undefined {
  if (ask.kind.case !== "plan") return undefined;
  const mode = store.model.view.value?.modes.find((m) => m.modeId === option.optionId);
  return mode?.elevating ? "asks less afterwards: only at the host's own terminal" : undefined;
}

function Comment({ value, onChange, off }: { value: string; onChange(text: string): void; off: boolean }) {
  const [open, setOpen] = useState(false);
  if (!open) return <Button kind="quiet" icon="edit" class="ask-add" onClick={() => setOpen(true)}>Add a comment</Button>;
  const over = utf8Bytes(value) > COMMENT_BYTES_MAX;
  return (
    <label class="field ask-note">
      <span class="small">Comment, sent with the answer</span>
      <textarea data-testid="ask-comment" rows={2} value={value} readOnly={off} aria-invalid={over || undefined}
        ref={(element) => {
          if (element && !element.dataset.met) {
            element.dataset.met = "yes";
            element.focus();
          }
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
function Several({ entry, off, answer, comment }: Omit<Props, "store" | "keys"> & { comment: string }) {
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [words, setWords] = useState("");
  const options = offered(entry.ask);
  const ids = options.map((o) => o.optionId).filter((id) => chosen.includes(id));
  const free = takesWords(entry.ask);
  const ready = ids.length > 0 || (free && words.trim() !== "");
  return (
    <>
      <fieldset class="ask-choices" role="group" aria-label="Choose any">
        {options.map((option) => (
          <OptionButton key={option.optionId} option={option} off={off} pressed={chosen.includes(option.optionId)}
            onChoose={() => setChosen((now) => now.includes(option.optionId) ? now.filter((id) => id !== option.optionId) : [...now,
              option.optionId])} />
        ))}
      </fieldset>
      {free && (
        <label class="field"><span class="small">In words, too</span>
          <textarea data-testid="ask-text" rows={2} value={words} onInput={(event) => setWords(event.currentTarget.value)} />
        </label>
      )}
      <div class="ask-big">
        <Button kind="primary" icon="send" wide data-testid="ask-send" off={off || !ready}
          onClick={() => answer({ optionId: ids[0] ?? "", moreOptionIds: ids.slice(1), text: words.trim(), comment })}>
          {ids.length > 0 ? `Answer with ${ids.length} chosen` : "Answer"}
        </Button>
      </div>
    </>
  );
}

export function AskAnswer(props: Props) {
  const { store, entry, off, keys, answer } = props;
  const { ask } = entry;
  const [comment, setComment] = useState("");
  const [words, setWords] = useState("");
  const note = comment.trim();
  const options = offered(ask);
  const list = ask.kind.case === "question";
  const big = options.filter((option) => isBig(option));
  const split = !list && big.length <= BIG_MAX;
  const button = (option: AskOption, large: boolean) => (
    <OptionButton key={option.optionId} option={option} number={shownNumber(ask, options.indexOf(option), keys)} big={large} off={off}
      recommended={ask.kind.case === "plan" && ask.kind.value.recommended !== "" && ask.kind.value.recommended === option.optionId}
      barred={barredBy(ask, option, store)}
      onChoose={() => answer({ optionId: option.optionId, text: takesWords(ask) ? words.trim() : "", comment: note })} />
  );
  const decline = canDecline(ask) && !options.some((o) => o.kind === AskOptionKind.REJECT_ONCE) && (
    <Button kind="quiet" icon="close" data-testid="ask-decline" off={off} onClick={() => answer({ declined: true, comment: note })}>
      {ask.kind.case === "openUrl" ? "Do not open it" : "Decline to answer"}
    </Button>
  );
  if (ask.kind.case === "form") return <FormAnswer form={ask.kind.value} numbers={(at) => shownNumber(ask, at, keys)} off={off} answer={answer} comment={<Comment value={comment}
    onChange={setComment} off={off} />} note={note} />;
  return (
    <>
      {ask.kind.case === "openUrl" && <OpenPage url={ask.kind.value.url} />}
      {takesSeveral(ask) ? <Several entry={entry} off={off} answer={answer} comment={note} /> : (
        <>
          {options.length > 0 && (
            <div class={list ? "ask-choices" : "ask-quiet"}>{options.filter((o) => !split || !isBig(o)).map((o) => button(o, false))}</div>
          )}
          {takesWords(ask) && (
            <Words value={words} onChange={setWords} off={off} label={options.length > 0 ? "Or in words (an option may be added)"
              : "Answer in words"}
              action="Answer in words" onSend={() => {
                if (answer({ text: words.trim(), comment: note })) setWords("");
              }} />
          )}
        </>
      )}
      <div class="ask-more">
        <Comment value={comment} onChange={setComment} off={false} />
        {decline}
      </div>
      {split && big.length > 0 && <div class="ask-big">{big.map((o) => button(o, true))}</div>}
      {takesNothing(ask) && (
        <div class="ask-big"><Button kind="primary" icon="check" wide data-testid="ask-send" off={off}
          onClick={() => answer({ comment: note })}>I opened it</Button></div>
      )}
    </>
  );
}
