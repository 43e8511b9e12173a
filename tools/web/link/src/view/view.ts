/**
 * The view: one reducer, events in, SessionState out. The same as libremote's own (libremote/include/remote/view.h),
 * and the same cases test both (conformance/view). Property: a snapshot at n and the events from n on give the same
 * view as the events from 0 on, for every n. Source: docs/spec.md section 15.
 */
import { create } from "@bufbuild/protobuf";
import { EventSchema, type Event, type SessionState } from "../messages.js";
import { fold } from "./fold.js";
import { boundHistory } from "./history.js";
import { Model } from "./model.js";
import { restore } from "./restore.js";
import { show, showDurable } from "./show.js";
import { writeSnapshot } from "./snapshot.js";
import { foldTail, forgetTails, takeOffTails } from "./tail.js";

/**
 * Events that it was given are its own from then on: it keeps tails as they are, so they must not be changed.
 *
 * Folding costs what the event costs. The state is made when it is asked for, and shares with the one made before
 * whatever has not changed: the same lists, the same items, and the very same state when nothing has. So what draws it
 * may compare by identity.
 */
export class View {
  #model = new Model();
  #state: SessionState | undefined;
  #stale = true;

  /**
   * Folds one durable event; bodies that are not known change nothing. `snapshotBegins`: it is the first SessionState of
   * part 1 of a set, which replaces the view; the others of the set are joined to it. A view that is already at that
   * place ignores the set: the caller does not apply it.
   */
  apply(event: Event, snapshotBegins = false): void {
    this.#stale = true;
    const restores = event.body.case === "sessionState";
    if (restores && snapshotBegins) this.#model = new Model();
    takeOffTails(this.#model);
    if (event.body.case === "sessionState") restore(this.#model, event.body.value, snapshotBegins);
    else fold(this.#model, event);
    boundHistory(this.#model);
  }

  /**
   * Folds one ephemeral event (deltas, tool output, usage; others change nothing). What it added lies over the durable
   * state until clearTail(). Deltas whose position leaves a hole are ignored until the durable message comes; of one that
   * begins below the end only the new part is taken. After 64 KiB nothing more is taken.
   */
  applyTail(event: Event): void {
    this.#stale = true;
    foldTail(this.#model, event);
  }

  /** A CLEARS_TAIL block begins, or the reader jumped: what tails had added is taken back. */
  clearTail(): void {
    this.#stale = true;
    forgetTails(this.#model);
  }

  /** Nothing is known any more. */
  reset(): void {
    this.#stale = true;
    this.#model = new Model();
  }

  /** The view becomes this state: what Session tells with a snapshot. */
  restore(state: SessionState): void {
    this.apply(create(EventSchema, { body: { case: "sessionState", value: state } }), true);
  }

  /** The folded state, tails included. It is never changed afterwards. */
  get state(): SessionState {
    if (this.#stale || !this.#state) this.#state = show(this.#model, this.#state);
    this.#stale = false;
    return this.#state;
  }

  /** The durable state (no tails) as the messages of a snapshot set: encoded Events, at least one, of 192 KiB at most. */
  snapshot(atMs = 0n): Uint8Array[] {
    return writeSnapshot(showDurable(this.#model), atMs);
  }
}
