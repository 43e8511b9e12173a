/** One session that is shown: its folded view, its facts, its timeline, and what this page has sent. */
import { batch, effect, signal } from "@preact/signals";
import { create } from "@bufbuild/protobuf";
import { CommandState, ErrorCode, foldNews, hex, LinkError, unhex, View, type CommandFacts, type Connection, type Session, type SessionNews } from "@libremote/link";
import { CommandSchema, type Command, type LogStatus, type Problem, type SessionInfo, type SessionState } from "@libremote/link/messages";
import { encodeBody, isKept, keepsItsMeaning, wordsOf } from "../offline/body.ts";
import { EarlierCommands } from "../offline/earlier.ts";
import { endModel, forget, hold, journal, journalChanges, newModel, stored } from "../offline/journal.ts";
import { Keeper, keptSession } from "../offline/store.ts";
import { TimelineStore } from "../timeline/store.ts";

/** A command of this page and where it stands. */
export interface SentCommand {
  id: string;
  body: Command["body"];
  /** When it was given, Unix ms. */
  at: number;
  facts: CommandFacts;
}

/** How long the relay has before what was kept is shown instead. */
const KEPT_AFTER_MS = 1_200;

export class SessionModel {
  readonly id: string;
  readonly session: Session;
  readonly view = signal<SessionState | undefined>(undefined);
  readonly status = signal<LogStatus | undefined>(undefined);
  readonly info = signal<SessionInfo | undefined>(undefined);
  readonly synced = signal(false);
  readonly closed = signal<{ problem: Problem; final: boolean } | undefined>(undefined);
  readonly commands = signal<readonly SentCommand[]>([]);
  /** What is shown was kept in this browser and is as of then, Unix ms; undefined: it comes from the relay. */
  readonly keptAt = signal<number | undefined>(undefined);
  /** What was given before this model was there. */
  readonly earlier: EarlierCommands;
  /** The conversation, from the first word on. */
  readonly timeline: TimelineStore;
  #connection: Connection;
  #keeper: Keeper;
  #own = newModel();
  #giving: Command["body"] | undefined;
  #told = false;
  #ends: (() => void)[];
  #listeners = new Set<(news: SessionNews) => void>();
  #folded = new View();
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Connection, id: string) {
    this.id = id;
    this.session = connection.follow(unhex(id));
    this.#connection = connection;
    this.#keeper = new Keeper(id, () => this.#folded.snapshot());
    this.timeline = new TimelineStore(this.session, (listener) => this.onNews(listener));
    this.earlier = new EarlierCommands({
      id,
      give: (body) => this.#tryGive(body),
      ask: (ids) => this.#trySubmit({ case: "queryOutcome", value: { $typeName: "remote.v1.QueryOutcome", commandIds: ids } }),
      outcomes: () => this.#folded.state.outcomes,
    });
    this.#ends = [
      this.session.onNews((news) => batch(() => this.#live(news))),
      effect(() => {
        void journalChanges.value;
        void this.earlier.look();
      }),
    ];
    const patience = setTimeout(() => void this.#showKept(), navigator.onLine ? KEPT_AFTER_MS : 0);
    this.#ends.push(() => clearTimeout(patience));
  }

  /** For what folds the news in its own way (the timeline, notifications). */
  onNews(listener: (news: SessionNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Sends a command; its id. A prompt for a session that cannot be had yet is held in this browser (`earlier`). Throws
   * LinkError (see Session.submit).
   */
  submit(given: Parameters<Session["submit"]>[0], ttlMs = 0): string {
    const { body } = create(CommandSchema, { body: given as never });
    try {
      return this.#give(body, ttlMs);
    } catch (error) {
      if (!(error instanceof LinkError) || error.code !== ErrorCode.STATE || !keepsItsMeaning(body)) throw error;
      const held = hold({ session: this.id, kind: body.case ?? "", text: wordsOf(body), command: encodeBody(body), at: Date.now() });
      if (held === undefined) throw error;
      return held;
    }
  }

  /** Commands of this model, or held for it, that have no end yet. */
  get waits(): boolean {
    return this.session.pending > 0 || this.earlier.list.value.some((one) => one.state.at === "here");
  }

  close(): void {
    for (const end of this.#ends) end();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#keeper.close();
    this.timeline.close();
    this.session.close();
    endModel(this.#own);
  }

  #give(body: Command["body"], ttlMs: number): string {
    this.#giving = body;
    try {
      const id = this.session.submit(body, ttlMs);
      if (this.#connection.facts.phase !== "live") this.#connection.probe(); // a person acts: it is tried at once
      const facts = this.session.command(id);
      if (facts) this.commands.value = [...this.commands.value, { id, body, at: Date.now(), facts }];
      return id;
    } finally {
      this.#giving = undefined;
    }
  }

  #tryGive(body: Command["body"]): string | undefined {
    try {
      return this.#give(body, 0);
    } catch {
      return undefined;
    }
  }

  #trySubmit(body: Command["body"]): string | undefined {
    try {
      return this.session.submit(body);
    } catch {
      return undefined;
    }
  }

  /** Told before anything of it is sent: what is written down now is there after a crash, too. */
  #journal(id: string, facts: CommandFacts): void {
    const body = this.#giving;
    this.#giving = undefined;
    if (body && isKept(body))
      journal({ session: this.id, id, model: this.#own, kind: body.case ?? "", text: wordsOf(body), command: encodeBody(body),
        at: Date.now(), here: this.#connection.facts.phase !== "live" });
    else if (facts.state === CommandState.DONE) forget(id);
    else if (facts.state >= CommandState.STORED) stored(id);
  }

  /** What was kept is shown until the session itself is there. */
  async #showKept(): Promise<void> {
    const kept = this.#told ? undefined : await keptSession(this.id);
    if (!kept || this.#told) return;
    batch(() => {
      for (const news of kept.news) this.#take(news);
      this.keptAt.value = kept.at;
    });
  }

  #live(news: SessionNews): void {
    if (!this.#told && ["event", "tail", "snapshot", "reset", "synced"].includes(news.kind)) {
      this.#told = true;
      if (this.keptAt.value !== undefined) {
        this.keptAt.value = undefined;
        this.#take({ kind: "reset", offset: 0, epoch: new Uint8Array(16) });
      }
    }
    this.#keeper.take(news);
    this.#take(news);
    this.earlier.take(news);
  }

  #take(news: SessionNews): void {
    if (foldNews(this.#folded, news)) this.#changed();
    for (const listener of [...this.#listeners]) listener(news);
    switch (news.kind) {
      case "status":
        this.status.value = news.status;
        break;
      case "info":
        this.info.value = news.info;
        break;
      case "synced":
        this.synced.value = true;
        this.closed.value = undefined;
        this.#changed();
        break;
      case "closed":
        this.closed.value = { problem: news.problem, final: news.final };
        this.synced.value = false;
        break;
      case "command":
        this.#journal(news.id, news.facts);
        this.commands.value = this.commands.value.map((c) => (c.id === news.id ? { ...c, facts: news.facts } : c));
        break;
    }
  }

  /** The view is shown anew at most once a frame, however much streams in; a hidden page has timers, but no frames. */
  #changed(): void {
    if (this.#timer !== undefined) return;
    const show = () => {
      cancelAnimationFrame(this.#frame);
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.view.value = this.#folded.state;
    };
    this.#frame = requestAnimationFrame(show);
    this.#timer = setTimeout(show, 250);
  }
}

export { hex };
