/** One session that is shown: its folded view, its facts, its timeline, and what this page has sent. */
import { batch, signal } from "@preact/signals";
import { foldNews, hex, unhex, View, type CommandFacts, type Connection, type Session, type SessionNews } from "@libremote/link";
import type { Command, LogStatus, Problem, SessionInfo, SessionState } from "@libremote/link/messages";

/** A command of this page and where it stands. */
export interface SentCommand {
  id: string;
  body: Command["body"];
  /** When it was given, Unix ms. */
  at: number;
  facts: CommandFacts;
}

export class SessionModel {
  readonly id: string;
  readonly session: Session;
  readonly view = signal<SessionState | undefined>(undefined);
  readonly status = signal<LogStatus | undefined>(undefined);
  readonly info = signal<SessionInfo | undefined>(undefined);
  readonly synced = signal(false);
  readonly closed = signal<{ problem: Problem; final: boolean } | undefined>(undefined);
  readonly commands = signal<readonly SentCommand[]>([]);
  #end: () => void;
  #listeners = new Set<(news: SessionNews) => void>();
  #folded = new View();
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Connection, id: string) {
    this.id = id;
    this.session = connection.follow(unhex(id));
    this.#end = this.session.onNews((news) => batch(() => this.#take(news)));
  }

  /** For what folds the news in its own way (the timeline, notifications). */
  onNews(listener: (news: SessionNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sends a command; its id. Throws LinkError (see Session.submit). */
  submit(body: Parameters<Session["submit"]>[0], ttlMs = 0): string {
    const id = this.session.submit(body, ttlMs);
    const facts = this.session.command(id);
    if (facts) this.commands.value = [...this.commands.value, { id, body: body as Command["body"], at: Date.now(), facts }];
    return id;
  }

  close(): void {
    this.#end();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.session.close();
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
