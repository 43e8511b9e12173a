/** An attachment in chunks through the outbox, each exactly once (libremote/include/remote/upload.h). */
import { Listeners } from "./carrier.js";
import { ErrorCode, LinkError, UploadState, type UploadProgress } from "./endpoint.js";
import type { Rider } from "./facts.js";
import { sha256 } from "./module.js";
import { hex, type Session } from "./session.js";

/** 10 MiB (LRM_ATTACHMENT_BYTES_MAX). */
export const ATTACHMENT_BYTES_MAX = 10 * 1024 * 1024;

export class Upload implements Rider {
  readonly handle: number;
  /** 16 bytes: what a prompt names it by. */
  readonly id: Uint8Array;
  readonly total: number;
  #session: Session;
  #bytes: Uint8Array;
  #listeners: Listeners<UploadProgress>;
  #progress: UploadProgress;

  /** See Session.upload. The bytes must not change while it is on its way. */
  constructor(session: Session, file: { name: string; type: string; bytes: Uint8Array }, id: Uint8Array) {
    const { endpoint, clock, report } = session.connection;
    if (file.bytes.length > ATTACHMENT_BYTES_MAX) throw new LinkError(`${file.name}: more than 10 MiB`, ErrorCode.TOO_LARGE);
    this.#session = session;
    this.#bytes = file.bytes;
    this.#listeners = new Listeners(report);
    this.total = file.bytes.length;
    this.id = id;
    this.handle = endpoint.openUpload(session.handle, id, file.name, file.type, file.bytes.length, sha256(endpoint.module, file.bytes));
    this.#progress = endpoint.uploadProgress(this.handle, clock.now())!;
  }

  get hexId(): string {
    return hex(this.id);
  }
  get progress(): UploadProgress {
    return this.#progress;
  }
  /** Told at each change; returns what ends it. */
  onProgress(listener: (progress: UploadProgress) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Nothing comes under an upload's handle: its chunks are commands of the session. */
  take(): void {}

  /** For the connection: tells how far it is, and gives what is wanted next. */
  turn(now: number): void {
    const { endpoint } = this.#session.connection;
    for (;;) {
      const progress = endpoint.uploadProgress(this.handle, now);
      if (!progress) {
        this.#end(); // the session was closed
        return;
      }
      this.#tell(progress);
      const wants = progress.state === UploadState.RUNNING ? endpoint.uploadWants(this.handle) : undefined;
      if (!wants) break;
      // Below 0: there is no room now, or no epoch yet.
      if (endpoint.giveUpload(this.handle, this.#bytes.subarray(wants.position, wants.position + wants.bytes), now) < 0) break;
    }
    if (this.#progress.state !== UploadState.RUNNING && this.#progress.state !== UploadState.SENT) this.#release();
  }

  /** No further chunk; what the host has it forgets within the hour. */
  close(): void {
    this.#end();
  }

  /** The connection has ended. */
  over(): void {
    this.#end();
  }

  #end(): void {
    this.#release();
    const { state } = this.#progress;
    if (state === UploadState.RUNNING || state === UploadState.SENT) this.#tell({ ...this.#progress, state: UploadState.CANCELLED });
  }

  #release(): void {
    this.#bytes = new Uint8Array(0);
    this.#session.connection.remove(this);
    this.#session.connection.endpoint.closeUpload(this.handle);
  }

  #tell(progress: UploadProgress): void {
    const had = this.#progress;
    if ((Object.keys(progress) as (keyof UploadProgress)[]).every((name) => progress[name] === had[name])) return;
    this.#progress = progress;
    this.#listeners.tell(progress);
  }
}
