/** An attachment in chunks through the outbox, each exactly once (libremote/include/remote/upload.h). */
import type { Rider } from "./connection.js";
import { ErrorCode, UploadState, type UploadProgress } from "./endpoint.js";
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
  #listeners = new Set<(progress: UploadProgress) => void>();
  #progress: UploadProgress;
  #seen = "";

  constructor(session: Session, file: { name: string; type: string; bytes: Uint8Array }) {
    const { connection } = session;
    this.#session = session;
    this.#bytes = file.bytes;
    this.total = file.bytes.length;
    this.id = crypto.getRandomValues(new Uint8Array(16));
    this.handle = connection.endpoint.openUpload(session.handle, this.id, file.name, file.type, file.bytes.length,
      sha256(connection.endpoint.module, file.bytes));
    this.#progress = connection.endpoint.uploadProgress(this.handle, connection.clock.now())!;
  }

  get hexId(): string {
    return hex(this.id);
  }
  get progress(): UploadProgress {
    return this.#progress;
  }
  onProgress(listener: (progress: UploadProgress) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  take(): void {
    // nothing comes under an upload's handle: its chunks are commands of the session
  }

  turn(now: number): void {
    const { endpoint } = this.#session.connection;
    for (;;) {
      const progress = endpoint.uploadProgress(this.handle, now);
      if (!progress) return;
      this.#tell(progress);
      const wants = progress.state === UploadState.RUNNING ? endpoint.uploadWants(this.handle) : undefined;
      if (!wants) break;
      const piece = this.#bytes.subarray(wants.position, wants.position + wants.bytes);
      const result = endpoint.giveUpload(this.handle, piece, now);
      if (result === ErrorCode.BUSY || result < 0) break;
    }
    if (this.#progress.state !== UploadState.RUNNING && this.#progress.state !== UploadState.SENT) this.close();
  }

  /** No further chunk; what the host has it forgets within the hour. */
  close(): void {
    this.#session.connection.remove(this);
    this.#session.connection.endpoint.closeUpload(this.handle);
  }

  #tell(progress: UploadProgress): void {
    const now = JSON.stringify(progress);
    if (now === this.#seen) return;
    this.#seen = now;
    this.#progress = progress;
    for (const listener of [...this.#listeners]) listener(progress);
  }
}
