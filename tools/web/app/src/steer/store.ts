/**
 * What steering needs to know of a session besides its view: how asks ended and with which words, what this page answered,
 * whole outcomes. One a SessionModel.
 */
import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { hex, LinkError, unhex } from "@libremote/link";
import {
  AskOutcome, Ceiling, CommandOutcomeKind, Delivery, RemoteMode, type Ask, type AskResolved, type CommandOutcome,
} from "@libremote/link/messages";
import { toast } from "../parts/index.ts";
import { layerWords } from "../parts/codes.ts";
import { facts } from "../state/link.ts";
import type { SentCommand, SessionModel } from "../state/session.ts";
import { answerProblem, type Answer } from "./answers.ts";
import { pathText } from "./foreign.ts";
import { isDone, outcomeWords, refusalWords, type Surroundings } from "./commands.ts";

/** An ask that this page shows or has shown. */
export interface AskEntry {
  id: string;
  ask: Ask;
  /** It waits for somebody, as far as is known here. */
  open: boolean;
  /** How it ended; absent while it is open, and when that was not seen. */
  resolved?: AskResolved;
  /** When its end was seen, Unix ms. */
  endedAt?: number;
}

export interface GivenAnswer {
  commandId: string;
  answer: Answer;
}

export interface Taking {
  withdrawId: string;
  text: string | undefined;
}

/** A prompt whose files are not in the outbox yet: it goes behind their last byte. */
export interface WaitingPrompt {
  id: string;
  text: string;
  delivery: Delivery;
}

const TOO_LATE = 5012;
const KEPT_MAX = 256;
/** The conversation keeps how asks ended; where its card was the last one stays for a short while, or until the next one opens. */
export const ENDED_SHOWN_MS = 10_000;
const ENDED_TOLD_MAX = 8;
/** Answers of this page that did not count stay until somebody has taken note of them. */
const LOST_SHOWN_MAX = 3;

function keep<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > KEPT_MAX) map.delete(map.keys().next().value!);
}

export type Body = Parameters<SessionModel["submit"]>[0];

export class SteerStore {
  readonly model: SessionModel;
  /** Open ones and those that ended lately, in the order in which they were opened. */
  readonly entries = signal<readonly AskEntry[]>([]);
  readonly open: ReadonlySignal<readonly AskEntry[]>;
  /** The last ones that ended, also those whose line has gone. */
  readonly ended = signal<readonly AskEntry[]>([]);
  /** Which card is unfolded; the oldest open one unless a person chose another. */
  readonly current: ReadonlySignal<string | undefined>;
  readonly chosen = signal<string | undefined>(undefined);
  /** This page's newest answer to each ask, by ask id. */
  readonly answers = signal<ReadonlyMap<string, GivenAnswer>>(new Map());
  readonly agents = signal<ReadonlyMap<string, string>>(new Map());
  /** Why nothing may be sent from here, a sentence; undefined: it may. */
  readonly viewOnly: ReadonlySignal<string | undefined>;
  readonly around: ReadonlySignal<Surroundings>;
  /** The session's folder; empty: not known. */
  readonly cwd: ReadonlySignal<string>;
  /** Text for the prompt box: a queued prompt that came back. */
  readonly comeBack = signal<{ text: string; serial: number } | undefined>(undefined);
  /** Commands that are being taken back, by their id; with the text that returns to the prompt box. */
  readonly taking = signal<ReadonlyMap<string, Taking>>(new Map());
  /** Prompts whose files are still on their way to the outbox. */
  readonly waiting = signal<readonly WaitingPrompt[]>([]);
  #serial = 0;
  #doneAt = new Map<string, number>();
  #resolved = new Map<string, AskResolved>();
  #asks = new Map<string, Ask>();
  #outcomes = new Map<string, CommandOutcome>();
  #written = new Map<string, Map<string, unknown>>();
  readonly outcomesSeen = signal(0);

  constructor(model: SessionModel) {
    this.model = model;
    this.open = computed(() => this.entries.value.filter((entry) => entry.open));
    this.current = computed(() => {
      const open = this.open.value;
      return (open.find((entry) => entry.id === this.chosen.value) ?? open[0])?.id;
    });
    this.around = computed(() => ({ live: facts.value?.phase === "live", host: model.status.value?.hostAttached }));
    this.cwd = computed(() => pathText(model.view.value?.session?.cwd ?? new Uint8Array()));
    this.viewOnly = computed(() => this.#watching());
    model.onNews((news) => {
      if (news.kind === "reset") this.#forget();
      if (news.kind !== "event") return;
      const body = news.event.body;
      switch (body.case) {
        case "askResolved":
          keep(this.#resolved, hex(body.value.askId), body.value);
          this.#fold();
          break;
        case "commandOutcome":
          keep(this.#outcomes, hex(body.value.commandId), body.value);
          this.outcomesSeen.value++;
          break;
        case "subagentStarted":
          this.agents.value = new Map(this.agents.value).set(body.value.agentId, body.value.name);
          break;
      }
    });
    effect(() => {
      if (model.view.value) this.#fold();
    });
    effect(() => this.#look(model.commands.value));
  }

  /** What is being written on the card of an ask, by the names of its fields. */
  written(askId: string): Map<string, unknown> {
    let kept = this.#written.get(askId);
    if (!kept) keep(this.#written, askId, (kept = new Map()));
    return kept;
  }

  /** The whole outcome of a command, when its event was seen here. */
  outcome(commandId: string): CommandOutcome | undefined {
    return this.#outcomes.get(commandId);
  }

  /** An ask that was seen here, open or not. */
  ask(askId: string): Ask | undefined {
    return this.#asks.get(askId);
  }

  /** This page's answer came too late, or did not count for another reason. */
  lost(entry: AskEntry): boolean {
    return !entry.open && this.answers.value.has(entry.id) && entry.resolved !== undefined && !this.mine(entry);
  }

  command(commandId: string | undefined): SentCommand | undefined {
    return commandId === undefined ? undefined : this.model.commands.value.find((c) => c.id === commandId);
  }

  /** Sends a command; undefined: it could not even be put into the outbox, and that has been said. */
  send(body: Body): string | undefined {
    const why = this.viewOnly.value;
    if (why !== undefined) {
      toast(why, { tone: "bad" });
      return undefined;
    }
    try {
      const id = this.model.submit(body);
      // a person acts: a dead connection is noticed within seconds, a lost one tried at once
      this.model.session.connection.probe();
      return id;
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      toast(`Not sent: ${refusalWords(error.code)}`, { tone: "bad" });
      return undefined;
    }
  }

  /** Answers an ask; true: it is in the outbox. Each card takes one answer at a time. */
  answer(entry: AskEntry, answer: Answer): boolean {
    if (!entry.open || this.pendingAnswer(entry.id)) return false;
    const problem = answerProblem(entry.ask, answer);
    if (problem !== undefined) {
      toast(problem, { tone: "bad" });
      return false;
    }
    const commandId = this.send({ case: "answerAsk", value: { askId: entry.ask.askId, answer } } as Body);
    if (commandId === undefined) return false;
    this.answers.value = new Map(this.answers.value).set(entry.id, { commandId, answer });
    return true;
  }

  /** An answer of this page that may still count. After a refusal the ask can be answered again. */
  pendingAnswer(askId: string): SentCommand | undefined {
    const command = this.command(this.answers.value.get(askId)?.commandId);
    if (!command) return undefined;
    const { outcome } = command.facts;
    return outcome === 0 || outcome === CommandOutcomeKind.APPLIED || outcome === CommandOutcomeKind.SUPERSEDED ? command : undefined;
  }

  /** Was it this page's answer that counted? */
  mine(entry: AskEntry): boolean {
    const given = this.answers.value.get(entry.id);
    return given !== undefined && entry.resolved?.outcome === AskOutcome.ANSWERED && hex(entry.resolved.commandId) === given.commandId;
  }

  dismiss(askId: string): void {
    this.entries.value = this.entries.value.filter((entry) => entry.open || entry.id !== askId);
  }

  /** Takes a command back; `text` returns to the prompt box once, and only when that worked. */
  takeBack(commandId: string, text?: string): void {
    if (this.taking.value.has(commandId)) return;
    const withdrawId = this.send({ case: "withdrawCommand", value: { commandId: unhex(commandId) } } as Body);
    if (withdrawId !== undefined) this.taking.value = new Map(this.taking.value).set(commandId, { withdrawId, text });
  }

  /** When a command's end was seen, Unix ms. */
  doneAt(commandId: string): number {
    return this.#doneAt.get(commandId) ?? 0;
  }

  putBack(text: string): void {
    this.comeBack.value = { text, serial: ++this.#serial };
  }

  /** What commands have come to: withdrawals that are done give the text back, or say why not. */
  #look(commands: readonly SentCommand[]): void {
    for (const command of commands)
      if (isDone(command.facts) && !this.#doneAt.has(command.id)) keep(this.#doneAt, command.id, Date.now());
    const taking = this.taking.peek();
    if (taking.size === 0) return;
    const left = new Map(taking);
    for (const [target, { withdrawId, text }] of taking) {
      const command = commands.find((c) => c.id === withdrawId);
      if (!command || !isDone(command.facts)) continue;
      left.delete(target);
      if (command.facts.outcome === CommandOutcomeKind.APPLIED) {
        if (text !== undefined) this.putBack(text);
      } else if (command.facts.code === TOO_LATE) toast("It stays as it is: the agent has it already", { tone: "bad" });
      else toast(`It was not taken back: ${outcomeWords(command.body, command.facts)}`, { tone: "bad" });
    }
    if (left.size !== taking.size) this.taking.value = left;
  }

  #watching(): string | undefined {
    const view = this.model.view.value;
    const status = this.model.status.value;
    if (view?.ended) return "The session has ended.";
    if (view?.remoteMode === RemoteMode.OFF && view.session) return "Remote control is off; /remote on at the host turns it on.";
    if (view?.remoteMode === RemoteMode.VIEW) return "You can only watch: the session was shared for viewing. /remote on at the host allows more.";
    if (status?.ceiling === Ceiling.VIEW) {
      const layer = layerWords(status.ceilingLayer);
      return `You can only watch: ${layer || "a policy"} lets this account view, not steer.`;
    }
    return undefined;
  }

  #forget(): void {
    this.#resolved.clear();
    this.#asks.clear();
    this.#written.clear();
    this.entries.value = [];
    this.answers.value = new Map();
    this.agents.value = new Map();
  }

  #fold(): void {
    const asks = this.model.view.peek()?.asks ?? [];
    const open = new Map(asks.map((ask) => [hex(ask.askId), ask]));
    for (const [id, ask] of open) if (!this.#asks.has(id)) keep(this.#asks, id, ask);
    const now = Date.now();
    const next: AskEntry[] = [];
    const had = new Set<string>();
    const ending: AskEntry[] = [];
    const end = (entry: AskEntry): void => {
      next.push(entry);
      ending.push(entry);
    };
    for (const entry of this.entries.peek()) {
      had.add(entry.id);
      const resolved = this.#resolved.get(entry.id);
      if (!entry.open) {
        if (entry.resolved || !resolved) next.push(entry);
        else end({ ...entry, resolved });
      } else if (resolved) end({ ...entry, open: false, resolved, endedAt: now });
      else if (!open.has(entry.id)) end({ ...entry, open: false, endedAt: now });
      else next.push(entry);
    }
    let another = false;
    for (const [id, ask] of open)
      if (!had.has(id) && !this.#resolved.has(id)) {
        next.push({ id, ask, open: true });
        another = true;
      }
    if (ending.length > 0) {
      const ids = new Set(ending.map((entry) => entry.id));
      this.ended.value = [...this.ended.peek().filter((entry) => !ids.has(entry.id)), ...ending].slice(-ENDED_TOLD_MAX);
    }
    const ended = next.filter((entry) => !entry.open).sort((a, b) => b.endedAt! - a.endedAt!);
    const kept = new Set([...ended.slice(0, another ? 0 : 1), ...ended.filter((entry) => this.lost(entry)).slice(0,
      LOST_SHOWN_MAX)].map((entry) => entry.id));
    const list = next.filter((entry) => entry.open || kept.has(entry.id));
    const before = this.entries.peek();
    if (list.length !== before.length || list.some((entry, at) => entry !== before[at])) this.entries.value = list;
  }
}

const stores = new WeakMap<SessionModel, SteerStore>();
export function steering(model: SessionModel): SteerStore {
  let store = stores.get(model);
  if (!store) stores.set(model, (store = new SteerStore(model)));
  return store;
}
