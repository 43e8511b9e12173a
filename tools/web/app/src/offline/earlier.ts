/**
 * Commands whose page is gone, or that wait in this browser for the session to be there: what became of them is asked
 * and told. Nothing that may have been sent is ever sent again but by a person who knows that the host does not know it.
 */
import { signal } from "@preact/signals";
import { hex, unhex, type SessionNews } from "@libremote/link";
import { CommandOutcomeKind, type Command, type KnownOutcome } from "@libremote/link/messages";
import { decodeBody, keepsItsMeaning } from "./body.ts";
import { claim, forget, orphans, type JournalEntry } from "./journal.ts";

export type EarlierState =
  /** Never left this browser; is sent when the session is there. */
  | { at: "here" }
  /** Never left this browser, and is not sent by itself any more. */
  | { at: "unsent" }
  /** May have been sent; the host has not been asked yet, or has not answered. */
  | { at: "asking" }
  /** The host has it, without an outcome yet. */
  | { at: "pending" }
  | { at: "done"; outcome: CommandOutcomeKind; code: number; reason: string }
  /** The host does not know it. `stored`: the relay did have it. */
  | { at: "not-known"; stored: boolean };

export interface Earlier {
  entry: JournalEntry;
  state: EarlierState;
}

/** What is used of a session's model. */
export interface Asks {
  readonly id: string;
  /** Gives it to the link; undefined: the session is not there (yet). */
  give(body: Command["body"], ttlMs?: number): string | undefined;
  /** Asks the host; the query's id. */
  ask(ids: Uint8Array[]): string | undefined;
  /** Outcomes that the session's state still knows. */
  outcomes(): readonly KnownOutcome[];
}

const QUERY_IDS_MAX = 64;

export class EarlierCommands {
  readonly list = signal<readonly Earlier[]>([]);
  #asks: Asks;
  #synced = false;
  #query: string | undefined;
  #busy = false;

  constructor(asks: Asks) {
    this.#asks = asks;
  }

  /** Looks again at what is kept: at the beginning, and when the journal has changed. */
  async look(): Promise<void> {
    const found = await orphans(this.#asks.id);
    const before = new Map(this.list.value.map((one) => [one.entry.id, one.state]));
    const over = this.list.value.filter((one) => one.state.at === "done" && !found.some((entry) => entry.id === one.entry.id));
    this.list.value = [...over, ...found.map((entry) => ({ entry, state: before.get(entry.id) ?? stateAtFirst(entry) }))];
    if (this.#synced) await this.#act();
  }

  take(news: SessionNews): void {
    if (news.kind === "synced") {
      this.#synced = true;
      this.#query = undefined; // one that was on its way may have been lost with the jump
      void this.#act();
    } else if (news.kind === "closed") {
      this.#synced = false;
    } else if (news.kind === "event" && news.event.body.case === "commandOutcome") {
      const outcome = news.event.body.value;
      const id = hex(outcome.commandId);
      if (id === this.#query) {
        this.#query = undefined;
        for (const known of outcome.known) this.#known(known);
      } else this.#set(id, { at: "done", outcome: outcome.outcome, code: outcome.code, reason: outcome.reason });
    }
  }

  /** A person wants it sent although the host does not know it, or it was held back. False: it cannot be given now. */
  sendAgain(id: string): boolean {
    const found = this.list.value.find((one) => one.entry.id === id);
    const body = found && decodeBody(found.entry.command);
    if (!found || !body || (found.state.at !== "not-known" && found.state.at !== "unsent" && found.state.at !== "here")) return false;
    if (this.#asks.give(body) === undefined) return false;
    this.dismiss(id);
    return true;
  }

  /** Nobody wants to know any more; what never left is taken back by it. */
  dismiss(id: string): void {
    forget(id);
    this.list.value = this.list.value.filter((one) => one.entry.id !== id);
  }

  async #act(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (const known of this.#asks.outcomes()) if (known.outcome !== CommandOutcomeKind.UNSPECIFIED) this.#known(known);
      for (const { entry, state } of this.list.value) if (state.at === "here") await this.#send(entry);
      this.#ask();
    } finally {
      this.#busy = false;
    }
  }

  async #send(entry: JournalEntry): Promise<void> {
    const body = decodeBody(entry.command);
    if (!keepsItsMeaning(body)) {
      this.#set(entry.id, { at: "unsent" });
      return;
    }
    let given = false;
    const mine = await claim(entry, () => {
      given = this.#asks.give(body!) !== undefined; // journals it under its own id before anything is sent
      if (given) this.dismiss(entry.id);
    });
    if (!mine) this.#set(entry.id, { at: "unsent" });
  }

  #ask(): void {
    if (this.#query !== undefined) return;
    const ids = this.list.value.filter((one) => one.state.at === "asking").slice(0, QUERY_IDS_MAX).map((one) => unhex(one.entry.id));
    if (ids.length > 0) this.#query = this.#asks.ask(ids);
  }

  #known(known: KnownOutcome): void {
    const id = hex(known.commandId);
    const found = this.list.value.find((one) => one.entry.id === id);
    if (!found) return;
    if (known.outcome !== CommandOutcomeKind.UNSPECIFIED) this.#set(id, { at: "done", outcome: known.outcome, code: known.code, reason: "" });
    else if (known.pending) this.#set(id, { at: "pending" });
    else if (found.state.at === "asking") this.#set(id, { at: "not-known", stored: found.entry.stored });
  }

  #set(id: string, state: EarlierState): void {
    if (!this.list.value.some((one) => one.entry.id === id)) return;
    if (state.at === "done") forget(id); // from now on the session's own log tells it
    this.list.value = this.list.value.map((one) => (one.entry.id === id ? { ...one, state } : one));
  }
}

function stateAtFirst(entry: JournalEntry): EarlierState {
  if (!entry.here) return { at: "asking" };
  return keepsItsMeaning(decodeBody(entry.command)) ? { at: "here" } : { at: "unsent" };
}
