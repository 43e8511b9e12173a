/** What a prompt box has besides its text: files, prompts that wait for theirs, and the way out. One a session's model. */
import { effect } from "@preact/signals";
import { Delivery } from "@libremote/link/messages";
import { toast } from "../parts/index.ts";
import type { SessionModel } from "../state/session.ts";
import { Attachments, isUnderWay, type Attached } from "./attachments.ts";
import { steering, type Body, type SteerStore, type WaitingPrompt } from "./store.ts";

let serial = 0;

export class Desk {
  readonly store: SteerStore;
  readonly attachments: Attachments;

  constructor(model: SessionModel) {
    this.store = steering(model);
    this.attachments = new Attachments(model.session);
    effect(() => {
      const waiting = this.store.waiting.value;
      void this.attachments.all.value;
      for (const prompt of waiting) this.#look(prompt);
    });
  }

  /** true: it is in the outbox, or waits for its files. */
  send(text: string, delivery: Delivery): boolean {
    const files = this.attachments.files.value;
    const failed = files.find((file) => file.problem !== undefined);
    if (failed) {
      toast(`${failed.name} cannot go along: ${failed.problem}. Remove it first.`, { tone: "bad" });
      return false;
    }
    if (files.every(isUnderWay)) {
      if (this.store.send(this.#body(text, delivery, files)) === undefined) return false;
      this.attachments.release(undefined);
      return true;
    }
    const prompt: WaitingPrompt = { id: `waiting-${++serial}`, text, delivery };
    this.attachments.bind(prompt.id);
    this.store.waiting.value = [...this.store.waiting.value, prompt];
    return true;
  }

  /** A waiting prompt returns to the box with its files. */
  takeBack(prompt: WaitingPrompt): void {
    this.#drop(prompt);
    this.attachments.unbind(prompt.id);
    this.store.putBack(prompt.text);
  }

  #body(text: string, delivery: Delivery, files: readonly Attached[]): Body {
    return { case: "submitPrompt", value: { text, delivery, attachmentIds: files.map((file) => file.upload!.id) } } as Body;
  }

  #drop(prompt: WaitingPrompt): void {
    this.store.waiting.value = this.store.waiting.value.filter((p) => p.id !== prompt.id);
  }

  #look(prompt: WaitingPrompt): void {
    const files = this.attachments.of(prompt.id);
    const bad = files.find((file) => file.problem !== undefined);
    if (!bad && !files.every(isUnderWay)) return;
    // not within the effect that looks: what it changes it would be run by
    queueMicrotask(() => {
      if (!this.store.waiting.peek().some((p) => p.id === prompt.id)) return;
      if (bad) {
        this.takeBack(prompt);
        toast(`The prompt was not sent: ${bad.name}: ${bad.problem}`, { tone: "bad" });
        return;
      }
      this.#drop(prompt);
      if (this.store.send(this.#body(prompt.text, prompt.delivery, files)) === undefined) {
        this.attachments.unbind(prompt.id);
        this.store.putBack(prompt.text);
      } else this.attachments.release(prompt.id);
    });
  }
}

const desks = new WeakMap<SessionModel, Desk>();
export function deskOf(model: SessionModel): Desk {
  let desk = desks.get(model);
  if (!desk) desks.set(model, (desk = new Desk(model)));
  return desk;
}
