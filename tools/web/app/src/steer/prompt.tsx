/** The prompt box: what is written, its files, and the buttons that send it. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Delivery, type SlashCommand } from "@libremote/link/messages";
import { bytes as size, Button, Icon, IconButton, toast } from "../parts/index.ts";
import type { SessionModel } from "../state/session.ts";
import { utf8Bytes } from "./answers.ts";
import { attachedWords, isUnderWay, type Attachments } from "./attachments.ts";
import { CancelTurn } from "./cancel.tsx";
import { deskOf } from "./desk.ts";
import { readDraft, writeDraft } from "../offline/drafts.ts";
import { Foreign } from "./foreign.tsx";
import { completions, meaning, PROMPT_BYTES_MAX, slashBeginning } from "./slash.ts";
import { steering, type Body, type SteerStore } from "./store.ts";

const DRAFT_PAUSE_MS = 300;
const HEIGHT_SHARE_MAX = 0.35;

/** On a phone Enter is a new line: there is a button for sending under the thumb. */
const enterSends = (): boolean => matchMedia("(hover: hover) and (pointer: fine)").matches;

function Files({ attachments }: { attachments: Attachments }) {
  const files = attachments.files.value;
  if (files.length === 0) return null;
  return (
    <ul class="attached" aria-label="Files for this prompt">
      {files.map((file) => (
        <li key={file.key} class={file.problem ? "bad" : ""} data-testid="attachment"
          data-state={file.problem ? "failed" : isUnderWay(file) ? "sent" : "running"}>
          {file.preview ? <img src={file.preview} alt="" /> : <Icon name={file.type.startsWith("image/") ? "image" : "file"} />}
          <span class="attached-words">
            <span class="one-line"><Foreign text={file.name} oneLine /></span>
            <span class="small muted">{attachedWords(file)}</span>
            {!file.problem && file.progress && <progress max={file.size} value={Math.max(file.progress.stored, file.progress.done)}
              aria-label={`upload of ${file.name}`} />}
          </span>
          <IconButton icon="close" label={`Remove ${file.name}`} onClick={() => attachments.remove(file.key)} />
        </li>
      ))}
    </ul>
  );
}

function Completions({ list, at, onPick }: { list: readonly SlashCommand[]; at: number; onPick(command: SlashCommand): void }) {
  return (
    <ul class="completions" role="listbox" id="slash-list" aria-label="Slash commands">
      {list.map((command, index) => (
        <li key={command.name} id={`slash-${index}`} role="option" aria-selected={index === at}
          aria-disabled={!command.remoteAllowed || undefined}
          data-testid="slash-option" data-name={command.name} class={index === at ? "at" : ""}
          onPointerDown={(event) => event.preventDefault()} onClick={() => onPick(command)}>
          <code>/<Foreign text={command.name} oneLine /></code>
          {command.inputHint && <span class="muted small"><Foreign text={command.inputHint} oneLine /></span>}
          <span class="small muted completion-about">
            {command.remoteAllowed ? <Foreign text={command.description} oneLine prose /> : "not allowed from here"}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** The text with its draft, that queued prompts come back into. */
function useText(model: SessionModel, store: SteerStore) {
  const [text, setText] = useState(() => readDraft(model.id));
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const now = useRef(text);
  now.current = text;
  useEffect(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => writeDraft(model.id, text), text === "" ? 0 : DRAFT_PAUSE_MS);
  }, [text]);
  useEffect(() => {
    const keep = () => writeDraft(model.id, now.current);
    addEventListener("pagehide", keep);
    return () => {
      removeEventListener("pagehide", keep);
      keep();
    };
  }, []);
  const back = store.comeBack.value;
  const seen = useRef(back?.serial ?? 0);
  useEffect(() => {
    if (!back || back.serial <= seen.current) return;
    seen.current = back.serial;
    // something may have been written meanwhile: both are kept
    setText((was) => (was.trim() === "" ? back.text : `${back.text}\n${was}`));
  }, [back]);
  return [text, setText] as const;
}

export function PromptBox({ model }: { model: SessionModel }) {
  const store = steering(model);
  const desk = deskOf(model);
  const { attachments } = desk;
  const [text, setText] = useText(model, store);
  const [at, setAt] = useState(0);
  const [closed, setClosed] = useState("");
  const [over, setOver] = useState(false);
  // while something is asked, the box is one line until somebody writes in it
  const asking = model.view.value !== undefined && store.open.value.length > 0;
  const [used, setUsed] = useState(false);
  if (used && !asking) setUsed(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const pick = useRef<HTMLInputElement>(null);
  const view = model.view.value;
  const running = view !== undefined && view.turnId !== "";
  const canSteer = running && view.session?.canSteer === true;
  const why = store.viewOnly.value;
  const around = store.around.value;
  const commands = view?.slashCommands ?? [];
  const beginning = slashBeginning(text);
  const list = beginning !== undefined && closed !== text ? completions(commands, beginning) : [];
  const files = attachments.files.value;
  const means = meaning(text, commands, files.length);
  const length = utf8Bytes(text);
  const tooLong = length > PROMPT_BYTES_MAX;
  const problem = tooLong ? `A prompt may have 128 KiB; this one has ${size(length)}.` : means.kind === "refused" ? means.words : undefined;
  const ready = why === undefined && means.kind !== "blank" && problem === undefined;

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    element.style.blockSize = "auto";
    element.style.blockSize = `${Math.min(element.scrollHeight + 2, Math.round(innerHeight * HEIGHT_SHARE_MAX))}px`;
  }, [text]);

  const say = (words: string) => toast(words, { tone: "bad" });
  const send = (delivery: Delivery) => {
    if (why !== undefined) return say(why);
    if (problem !== undefined) return say(problem);
    if (means.kind === "blank") return;
    const sent = means.kind === "slash"
      ? store.send({ case: "runSlashCommand", value: { name: means.name, arguments: means.args } } as Body) !== undefined
      : desk.send(text, delivery);
    if (!sent) return;
    setText("");
    box.current?.focus();
  };
  const take = (taken: readonly File[]) => {
    if (taken.length === 0) return;
    const left = attachments.add(taken);
    if (left) say(left);
  };
  const complete = (command: SlashCommand) => {
    if (!command.remoteAllowed) return say(`/${command.name} is not allowed from here; run it at the host.`);
    setText(`/${command.name}${command.inputHint ? " " : ""}`);
    setClosed(`/${command.name}`);
    box.current?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const picked = list[Math.min(at, list.length - 1)];
    if (picked && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      setAt((Math.min(at, list.length - 1) + (event.key === "ArrowDown" ? 1 : list.length - 1)) % list.length);
    } else if (picked && (event.key === "Tab" || (event.key === "Enter" && `/${picked.name}` !== text)) && !event.shiftKey && !event.ctrlKey
      && !event.metaKey) {
      event.preventDefault();
      complete(picked);
    } else if (picked && event.key === "Escape") {
      event.preventDefault();
      setClosed(text);
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey || (!event.shiftKey && !event.altKey && enterSends()))) {
      event.preventDefault();
      send(Delivery.START_OR_QUEUE);
    } else if (event.key === "Escape") box.current?.blur();
  };
  const onPaste = (event: ClipboardEvent) => {
    const given = [...(event.clipboardData?.files ?? [])];
    if (given.length > 0) {
      event.preventDefault();
      take(given);
      return;
    }
    const pasted = utf8Bytes(event.clipboardData?.getData("text/plain") ?? "");
    if (pasted + length <= PROMPT_BYTES_MAX) return;
    event.preventDefault();
    say(`A prompt may have 128 KiB; what was pasted has ${size(pasted)} and was not taken. Attach it as a file instead.`);
  };
  // Wherever on the page a file is let go: the browser would leave the page for it.
  const taking = useRef(take);
  taking.current = why === undefined ? take : () => say(why);
  useEffect(() => {
    const dragged = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
    const onOver = (event: DragEvent) => {
      if (!dragged(event)) return;
      event.preventDefault();
      setOver(document.querySelector("dialog[open]") === null);
    };
    const onLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent) => {
      setOver(false);
      if (!dragged(event)) return;
      event.preventDefault();
      if (document.querySelector("dialog[open]") === null) taking.current([...(event.dataTransfer?.files ?? [])]);
    };
    addEventListener("dragover", onOver);
    addEventListener("dragleave", onLeave);
    addEventListener("drop", onDrop);
    return () => {
      removeEventListener("dragover", onOver);
      removeEventListener("dragleave", onLeave);
      removeEventListener("drop", onDrop);
    };
  }, []);
  return (
    <form class={`prompt${over ? " over" : ""}${asking && !used && text === "" && files.length === 0 ? " idle" : ""}`} aria-label="Prompt" onSubmit={(event) => {
      event.preventDefault();
      send(Delivery.START_OR_QUEUE);
    }}>
      {list.length > 0 && <Completions list={list} at={Math.min(at, list.length - 1)} onPick={complete} />}
      <Files attachments={attachments} />
      {why !== undefined && store.open.value.length === 0 && <p class="prompt-why small">{why}</p>}
      {problem !== undefined && <p class="prompt-why problem small" role="status">{problem}</p>}
      <textarea ref={box} class="prompt-text" data-testid="prompt-input" rows={1} value={text} dir="auto" readOnly={why !== undefined}
        enterkeyhint={enterSends() ? "send" : "enter"}
        onFocus={() => setUsed(true)} aria-label="Prompt" placeholder={why !== undefined ? "Watching only" : running ? "Write what comes next" : "Write to the agent"}
        aria-autocomplete="list" aria-controls={list.length > 0 ? "slash-list" : undefined}
        aria-activedescendant={list.length > 0 ? `slash-${Math.min(at, list.length - 1)}` : undefined}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }} onKeyDown={onKey} onPaste={onPaste} />
      <div class="prompt-bar">
        <input ref={pick} type="file" multiple class="hidden-words" tabIndex={-1} data-testid="attach-file" aria-label="Files to attach"
          onChange={(event) => {
            take([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }} />
        <IconButton icon="attach" label="Attach files" off={why !== undefined} onClick={() => pick.current?.click()} />
        <CancelTurn model={model} />
        <span class="prompt-hint small muted">{!around.live && text !== "" ? "not connected: will be sent when connected"
          : means.kind === "blank" && files.length > 0 ? "a prompt needs words, too" : text !== "" && enterSends()
          ? "Enter sends, Shift-Enter begins a line" : ""}</span>
        {canSteer && (
          <Button icon="steer" data-testid="prompt-steer" off={!ready}
            title="Into the running turn. If the host does not get it within 60 s, it expires."
            onClick={() => send(Delivery.STEER)}>Steer now</Button>
        )}
        <Button kind="primary" icon={running ? "queue" : "send"} data-testid="prompt-send" off={!ready} submit
          title={running ? "Waits until the turn is over" : "Starts a turn"}>{running ? "Queue" : "Send"}</Button>
      </div>
    </form>
  );
}
