/** tests/e2e/play.c: a host that does what it is told. Messages are written as conformance/README.md has them. */
import { until, type Process } from "./processes.ts";

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };
type Message = { readonly [name: string]: Json | undefined };

/** Fields of SessionStarted. */
export type Described = Message;

export interface Option extends Message {
  option_id: string;
  label?: string;
  kind?: string;
  description?: string;
}

/** What the agent was given. */
export interface Action {
  action: string;
  command?: string;
  ask?: string;
  turn: string;
  text: string;
  value: string;
  attachments: number;
  resolution?: { outcome?: string; answer?: Record<string, unknown>; option_kind?: string; by?: { local?: boolean } };
}

export const hexOf = (text: string): string => Buffer.from(text).toString("hex");

/** Yes and no, this time and lasting. */
export const YES_NO: readonly Option[] = [
  { option_id: "always", label: "Always allow", kind: "ALLOW_ALWAYS" },
  { option_id: "once", label: "Allow once", kind: "ALLOW_ONCE" },
  { option_id: "no", label: "Reject", kind: "REJECT_ONCE" },
];

export class Player {
  readonly process: Process;
  #sent = 0;

  constructor(process: Process) {
    this.process = process;
  }

  get lines(): Record<string, unknown>[] {
    return this.process.out.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
  get session(): string {
    return (this.lines.find((line) => "session" in line)?.session as string | undefined) ?? "";
  }
  get actions(): Action[] {
    return this.lines.filter((line) => "action" in line) as unknown as Action[];
  }

  /** One line, and it has been done. The answer of the host. */
  async do(line: Message): Promise<Record<string, unknown>> {
    const answer = await this.try(line);
    if ("failed" in answer) throw new Error(`${JSON.stringify(line).slice(0, 300)}: ${String(answer.why)}`);
    return answer;
  }
  async try(line: Message): Promise<Record<string, unknown>> {
    const number = ++this.#sent;
    this.process.type(`${JSON.stringify(line)}\n`);
    return until(`the player has answered its line ${number}`, () => {
      if (!this.process.alive) throw new Error(`the player has ended: ${this.process.err.slice(-600)}`);
      return this.lines.find((said) => said.done === number || said.failed === number);
    });
  }

  emit(event: Message): Promise<Record<string, unknown>> {
    return this.do({ emit: event });
  }
  /** Opens an ask; its id. */
  async ask(ask: Message): Promise<string> {
    return (await this.do({ ask })).ask as string;
  }
  async endAsk(ask: string, outcome: string, reason = ""): Promise<void> {
    await this.do({ end_ask: { ask, outcome, reason } });
  }
  async endTurn(): Promise<void> {
    await this.do({ turn_ended: { stop_reason: "end_turn" } });
  }

  /** The next thing of that name that the agent is given, from the action at that place on. */
  action(name: string, from = 0): Promise<Action> {
    return until(`the agent is given ${name}`, () => this.actions.slice(from).find((action) => action.action === name));
  }
}
