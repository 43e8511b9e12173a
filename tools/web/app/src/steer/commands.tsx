/** What was sent from here until its end is known, and the queue: above the prompt box. */
import { useEffect, useState } from "preact/hooks";
import { CommandState, hex } from "@libremote/link";
import { CommandOutcomeKind, type QueuedPrompt } from "@libremote/link/messages";
import { Button, Icon, IconButton, type IconName } from "../parts/index.ts";
import type { SentCommand, SessionModel } from "../state/session.ts";
import { actorWords } from "./ask-words.ts";
import { commandName, commandText, isDone, outcomeName, outcomeWords, queuePosition, stateName, wentWell, whereWords } from "./commands.ts";
import { deskOf } from "./desk.ts";
import { Foreign } from "./foreign.tsx";
import { steering, type SteerStore } from "./store.ts";

const ROWS_MAX = 3;
/** While something is asked. */
const ROWS_ASKING_MAX = 1;
const APPLIED_SHOWN_MS = 10_000;
const QUEUED_TEXT_BYTES = 1000;

const STEPS = [CommandState.SENT, CommandState.STORED, CommandState.DELIVERED, CommandState.DONE] as const;

/** Four marks: sent, stored, delivered, outcome. The words beside them say the same. */
function Steps({ command }: { command: SentCommand }) {
  const done = isDone(command.facts);
  const well = done && wentWell(command.facts);
  return (
    <span class="steps" aria-hidden="true">
      {STEPS.map((step) => <i key={step} class={done ? (well ? "good" : "bad") : command.facts.state >= step ? "on" : ""} />)}
    </span>
  );
}

function iconOf(command: SentCommand): IconName {
  if (!isDone(command.facts)) return command.facts.state >= CommandState.DELIVERED ? "desk" : "clock"; // a tick is for what is done
  return wentWell(command.facts) ? "check" : "warning";
}

const withdrawable = new Set(["submitPrompt", "runSlashCommand", "answerAsk"]);

interface RowProps {
  store: SteerStore;
  command: SentCommand;
  onDismiss?: (() => void) | undefined;
}

export function CommandRow({ store, command, onDismiss }: RowProps) {
  void store.outcomesSeen.value;
  const view = store.model.view.value;
  const { facts, body } = command;
  const done = isDone(facts);
  const place = queuePosition(view, command.id);
  const taking = store.taking.value.get(command.id);
  const words = done ? outcomeWords(body, facts, store.outcome(command.id), body.case === "answerAsk" ? store.ask(hex(body.value.askId))
    : undefined)
    : place > 0 ? `queued${place > 1 ? `, ${place - 1} before it` : ", next"}`
    : whereWords(facts, store.around.value);
  const text = commandText(body, view);
  const prompt = body.case === "submitPrompt" ? body.value.text : undefined;
  return (
    <div class={`command${done ? (wentWell(facts) ? " good" : " bad") : ""}`} data-testid="command" data-command={command.id}
      data-state={stateName(facts.state)}
      data-outcome={outcomeName(facts.outcome)} data-code={facts.code || undefined}>
      <Icon name={iconOf(command)} />
      <p class="command-words">
        <span class="command-what"><b>{commandName(body)}</b>{text && <> <Foreign text={text} oneLine prose /></>}</span>
        <span class="command-where" role={done && !wentWell(facts) ? "status" : undefined}><Steps
          command={command} /> {words}{taking && !done ? "; being taken back" : ""}</span>
      </p>
      {!done && withdrawable.has(body.case ?? "") && !taking && (
        <>
          {prompt !== undefined && (body.value as { attachmentIds?: unknown[] }).attachmentIds?.length === 0 && (
            <IconButton icon="edit" label="Take it back to edit it" data-testid="command-edit"
              onClick={() => store.takeBack(command.id, prompt)} />
          )}
          <IconButton icon="undo" label="Take it back" data-testid="command-withdraw" onClick={() => store.takeBack(command.id)} />
        </>
      )}
      {onDismiss && <IconButton icon="close" label="Dismiss" onClick={onDismiss} />}
    </div>
  );
}

/** A prompt of somebody else, or of an earlier page, that waits. */
function QueuedRow({ store, prompt, place }: { store: SteerStore; prompt: QueuedPrompt; place: number }) {
  const by = actorWords(prompt.by);
  const local = prompt.commandId.length === 0;
  const taking = store.taking.value.get(prompt.promptId);
  const whole = new TextEncoder().encode(prompt.text).length < QUEUED_TEXT_BYTES;
  return (
    <div class="command" data-testid="queued" data-prompt={prompt.promptId}>
      <Icon name="queue" />
      <p class="command-words">
        <span class="command-what"><b>Queued {place}</b> <Foreign text={prompt.text} oneLine prose /></span>
        <span class="command-where">{by ? (prompt.by?.local ? `written ${by}` : `from ${by}`) : "waits for the turn to end"}{taking
          ? "; being taken back" : ""}</span>
      </p>
      {!local && !taking && (
        <>
          {whole && <IconButton icon="edit" label="Take it back to edit it" data-testid="queued-edit"
            onClick={() => store.takeBack(prompt.promptId, prompt.text)} />}
          <IconButton icon="undo" label="Take it out of the queue" data-testid="queued-withdraw"
            onClick={() => store.takeBack(prompt.promptId)} />
        </>
      )}
    </div>
  );
}

/** Wakes once when the next row has been shown long enough. */
function useTurn(commands: readonly SentCommand[], store: SteerStore): void {
  const [, turn] = useState(0);
  const next = Math.min(...commands.filter((c) => isDone(c.facts)).map((c) => store.doneAt(c.id) + APPLIED_SHOWN_MS).filter((at) =>
    at > Date.now()));
  useEffect(() => {
    if (!Number.isFinite(next)) return;
    const timer = setTimeout(() => turn((n) => n + 1), Math.max(50, next - Date.now() + 20));
    return () => clearTimeout(timer);
  }, [next]);
}

export function CommandStates({ model }: { model: SessionModel }) {
  const store = steering(model);
  const [dismissed, setDismissed] = useState<ReadonlySet<string>>(new Set());
  const [all, setAll] = useState(false);
  const view = model.view.value;
  const commands = model.commands.value.filter((c) => c.body.case !== "probe" && c.body.case !== "queryOutcome"
    && c.body.case !== "requestSnapshot");
  useTurn(commands, store);
  const onCards = new Set(store.open.value.filter((e) => e.id === store.current.value).map((e) =>
    store.answers.value.get(e.id)?.commandId));
  const asking = store.open.value.length > 0;
  const pending: SentCommand[] = [];
  const failed: SentCommand[] = [];
  const fresh: SentCommand[] = [];
  const past: SentCommand[] = [];
  for (const command of commands) {
    if (onCards.has(command.id)) continue;
    const { body, facts } = command;
    const well = isDone(facts) && wentWell(facts);
    const taking = body.case === "withdrawCommand";
    if (!isDone(facts)) {
      if (!taking) pending.push(command); // the row of what it takes back says so
    } else if (body.case === "answerAsk" && facts.outcome === CommandOutcomeKind.SUPERSEDED) past.push(command); // its card says who won
    else if (!well) (dismissed.has(command.id) ? past : failed).push(command);
    // that an answer counts is said where its card was; what is asked now needs the room
    else if (!taking && body.case !== "answerAsk" && !asking
      && Date.now() - store.doneAt(command.id) < APPLIED_SHOWN_MS) fresh.push(command);
    else past.push(command);
  }
  past.push(...fresh.splice(0, Math.max(0, fresh.length - 1)));
  const known = new Set(commands.map((c) => c.id));
  const queued = (view?.queue ?? []).map((prompt, at) => ({ prompt, place: at + 1 })).filter(({ prompt }) => !known.has(prompt.promptId));
  const waiting = store.waiting.value;
  const hidden = all ? 0 : Math.max(0, pending.length - (asking ? ROWS_ASKING_MAX : ROWS_MAX));
  const rows = [...failed.slice(-ROWS_MAX), ...fresh, ...pending.slice(hidden)];
  past.push(...failed.slice(0, -ROWS_MAX));
  if (rows.length + past.length + queued.length + waiting.length === 0) return null;
  return (
    <section class="commands" aria-label="What you sent">
      {queued.map(({ prompt, place }) => <QueuedRow key={prompt.promptId} store={store} prompt={prompt} place={place} />)}
      {hidden > 0 && <Button kind="quiet" class="commands-more" onClick={() => setAll(true)}>{hidden} more on the way</Button>}
      {rows.map((command) => (
        <CommandRow key={command.id} store={store} command={command}
          onDismiss={isDone(command.facts) && !wentWell(command.facts) ? () => setDismissed(new Set(dismissed).add(command.id))
            : undefined} />
      ))}
      {waiting.map((prompt) => (
        <div class="command" data-testid="command-waiting" key={prompt.id}>
          <Icon name="clock" />
          <p class="command-words">
            <span class="command-what"><b>Prompt</b> <Foreign text={prompt.text} oneLine prose /></span>
            <span class="command-where">not sent yet: its files are on their way, {deskOf(model).attachments.share(prompt.id)} % stored</span>
          </p>
          <IconButton icon="edit" label="Take it back to edit it" onClick={() => deskOf(model).takeBack(prompt)} />
        </div>
      ))}
      {past.length > 0 && !asking && (
        <details class="commands-past">
          <summary class="small muted">Sent from here: {past.length}</summary>
          {past.slice(-20).map((command) => <CommandRow key={command.id} store={store} command={command} />)}
        </details>
      )}
    </section>
  );
}
