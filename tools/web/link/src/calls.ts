/** Calls of the relay: requests that are out, and who waits for their replies. */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { Report } from "./carrier.js";
import { ErrorCode, LinkError, type Endpoint } from "./endpoint.js";
import { ReplySchema, RequestSchema, type Problem, type Reply } from "./messages.js";

/** A call of the relay failed; `problem` absent: there was no connection, or it went away before the answer. */
export class CallError extends Error {
  readonly problem: Problem | undefined;
  constructor(problem?: Problem) {
    super(problem ? `${problem.code}: ${problem.reason}` : "there is no connection, or it was lost before the answer came");
    this.name = "CallError";
    this.problem = problem;
  }
}

/** What is asked: Request's `call`, its message as plain members. */
export type CallBody = NonNullable<MessageInitShape<typeof RequestSchema>["call"]>;

interface Call {
  reply(reply: Reply): void;
  fail(error: unknown): void;
}

export class Calls {
  #endpoint: Endpoint;
  #report: Report;
  #open = new Map<number, Call>();
  #next = 1;

  constructor(endpoint: Endpoint, report: Report) {
    this.#endpoint = endpoint;
    this.#report = report;
  }

  /** Puts it into the endpoint; `send` then sends it. */
  call(body: CallBody, now: () => number, send: () => void, onReply?: (reply: Reply) => void, signal?: AbortSignal): Promise<Reply> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      const result = this.#endpoint.request(toBinary(RequestSchema, create(RequestSchema, { id, call: body })), id, now());
      if (result < 0) {
        reject(result === ErrorCode.STATE ? new CallError() : new LinkError("call", result));
        return;
      }
      const end = (): void => {
        this.#open.delete(id);
        signal?.removeEventListener("abort", abort);
      };
      const abort = (): void => {
        end();
        reject(signal!.reason as Error);
        this.call({ case: "cancel", value: { requestId: id } }, now, send).catch(() => {});
      };
      const fail = (error: unknown): void => {
        end();
        reject(error as Error);
      };
      signal?.addEventListener("abort", abort);
      this.#open.set(id, {
        fail,
        reply: (reply) => {
          if (reply.result.case === "problem") {
            fail(new CallError(reply.result.value));
            return;
          }
          try {
            onReply?.(reply);
          } catch (error) {
            this.#report(error);
          }
          if (reply.more || !this.#open.has(id)) return;
          end();
          resolve(reply);
        },
      });
      send();
    });
  }

  /** An encoded Reply; false: it cannot be decoded. */
  take(data: Uint8Array): boolean {
    let reply: Reply;
    try {
      reply = fromBinary(ReplySchema, data);
    } catch {
      return false;
    }
    this.#open.get(reply.id)?.reply(reply);
    return true;
  }

  /** The carrier is gone: no answer will come. */
  lost(error: Error = new CallError()): void {
    for (const call of [...this.#open.values()]) call.fail(error);
  }
}
