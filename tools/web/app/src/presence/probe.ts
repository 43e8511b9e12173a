/** Does a command get through right now? First the relay is asked for a sign of life, then the host through its queue. */
import { signal } from "@preact/signals";
import { CommandState, LinkError, type Connection } from "@libremote/link";
import { CommandOutcomeKind } from "@libremote/link/messages";
import type { SessionModel } from "../state/session.ts";

export interface ProbeResult {
  running: boolean;
  relay: string;
  host: string;
}

/** A probe that the host gets later than this says nothing about now. */
const PROBE_TTL_MS = 60_000;

const elapsed = (from: number): string => {
  const ms = performance.now() - from;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;
};

export class Prober {
  readonly result = signal<ProbeResult | undefined>(undefined);
  #ends: (() => void)[] = [];
  #open = 0;

  run(connection: Connection, model?: SessionModel): void {
    this.stop();
    this.result.value = { running: true, relay: "", host: "" };
    this.#askRelay(connection);
    if (model) this.#askHost(connection, model);
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#open = 0;
  }

  #say(change: Partial<ProbeResult>): void {
    this.result.value = { running: true, relay: "", host: "", ...this.result.value, ...change };
  }

  #ended(): void {
    this.#open--;
    if (this.#open === 0) this.#say({ running: false });
  }

  #askRelay(connection: Connection): void {
    const from = performance.now();
    const connected = connection.facts.phase === "live";
    this.#open++;
    this.#say({ relay: connected ? "asking the relay for a sign of life…" : "connecting…" });
    const end = connection.onChange((facts) => {
      if (facts.phase === "live" && !facts.probing)
        this.#say({ relay: connected ? `the relay answered after ${elapsed(from)}` : `connected after ${elapsed(from)}` });
      else if (facts.phase === "waiting" || facts.phase === "dead")
        this.#say({ relay: connected ? "the relay did not answer; the connection is made anew" : "the relay cannot be reached" });
      else return;
      end();
      this.#ended();
    });
    this.#ends.push(end);
    connection.probe();
  }

  #askHost(connection: Connection, model: SessionModel): void {
    const from = performance.now();
    const nonce = BigInt(Math.floor(Math.random() * 2 ** 48));
    let id: string;
    try {
      id = model.session.submit({ case: "probe", value: { $typeName: "remote.v1.Probe", nonce } }, PROBE_TTL_MS);
    } catch (error) {
      const busy = error instanceof LinkError && model.session.pending > 0;
      this.#say({ host: busy ? "the host was not asked: too many commands have no outcome yet" : "the host was not asked: the session has not been read yet" });
      return;
    }
    this.#open++;
    const look = () => {
      const facts = model.session.command(id);
      if (!facts) return;
      if (facts.state === CommandState.DONE) {
        this.#say({ host: facts.outcome === CommandOutcomeKind.APPLIED
          ? `a command got through to the host and back in ${elapsed(from)}`
          : facts.outcome === CommandOutcomeKind.EXPIRED
            ? "no answer of the host within 60 s"
            : `the host's answer: ${facts.reason || `code ${facts.code}`}` });
        end();
        this.#ended();
      } else if (facts.state === CommandState.DELIVERED) this.#say({ host: "delivered to the host, which has not answered yet" });
      else if (facts.state === CommandState.STORED)
        this.#say({ host: model.status.value?.hostAttached === false ? "stored; the host gets it when it is back" : "stored at the relay, not delivered yet" });
      else this.#say({ host: connection.facts.phase === "live" ? "sent to the relay" : "kept until the connection is back" });
    };
    const end = model.onNews((news) => {
      if ((news.kind === "command" && news.id === id) || news.kind === "status") look();
    });
    this.#ends.push(end);
    look();
  }
}
