/** Files for the next prompt: read, checked, uploaded at once; the prompt may be sent while they are on their way. */
import { computed, signal } from "@preact/signals";
import { ATTACHMENT_BYTES_MAX, LinkError, UploadState, type Session, type Upload, type UploadProgress } from "@libremote/link";
import { bytes as size } from "../parts/words.ts";
import { codeWords } from "../parts/codes.ts";
import { plainText } from "./foreign.ts";
import { refusalWords } from "./commands.ts";

export const ATTACHMENTS_MAX = 16;
const NAME_BYTES_MAX = 255;
const TYPE_BYTES_MAX = 127;
const PREVIEW_PX = 96;

export interface Attached {
  key: number;
  name: string;
  type: string;
  size: number;
  /** A small picture of it, as a data: address. */
  preview?: string;
  upload?: Upload;
  progress?: UploadProgress;
  /** Why it cannot go along. */
  problem?: string;
  /** The prompt that waits for it; absent: it is still in the box. */
  prompt?: string;
}

/** A name the wire takes: at most 255 bytes, its ending kept. */
export function fitName(name: string): string {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  const clean = name.replace(/\0/g, "") || "file";
  if (bytes(clean) <= NAME_BYTES_MAX) return clean;
  const ending = /\.[^.]{1,16}$/.exec(clean)?.[0] ?? "";
  const letters = [...clean.slice(0, clean.length - ending.length)];
  while (letters.length > 1 && bytes(letters.join("") + ending) > NAME_BYTES_MAX) letters.pop();
  return letters.join("") + ending;
}

/** In the outbox to its last byte, or further: a prompt may go behind it. */
export function isUnderWay(file: Attached): boolean {
  return file.progress?.state === UploadState.SENT || file.progress?.state === UploadState.DONE;
}

export function attachedWords(file: Attached): string {
  if (file.problem !== undefined) return file.problem;
  const now = file.progress;
  if (!now) return "being read";
  if (now.state === UploadState.DONE) return `${size(file.size)}, the host has it`;
  const share = Math.floor((100 * now.stored) / Math.max(1, file.size));
  return `${size(file.size)}, ${share} % stored`;
}

function failure(now: UploadProgress): string {
  if (now.state === UploadState.CHANGED) return "the file changed while it was read";
  const reason = now.reason ? plainText(now.reason) : codeWords(now.code).words;
  return `not taken: ${reason}`;
}

async function previewOf(file: Blob): Promise<string | undefined> {
  if (!/^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(file.type)) return undefined;
  try {
    const picture = await createImageBitmap(file, { resizeHeight: PREVIEW_PX, resizeQuality: "medium" });
    const canvas = document.createElement("canvas");
    canvas.width = Math.min(picture.width, 3 * PREVIEW_PX);
    canvas.height = picture.height;
    canvas.getContext("2d")?.drawImage(picture, 0, 0);
    picture.close();
    return canvas.toDataURL("image/jpeg", 0.8);
  } catch {
    return undefined; // no picture after all: its name is enough
  }
}

export class Attachments {
  readonly all = signal<readonly Attached[]>([]);
  /** Those in the box. */
  readonly files = computed(() => this.all.value.filter((f) => f.prompt === undefined));
  #session: Session;
  #next = 1;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Takes files; returns why some were not. */
  add(files: readonly File[]): string | undefined {
    const room = Math.max(0, ATTACHMENTS_MAX - this.files.value.length);
    const left = files.length - room;
    for (const file of files.slice(0, room)) this.#take(file);
    return left > 0 ? `A prompt takes ${ATTACHMENTS_MAX} files; ${left} ${left === 1 ? "was" : "were"} left out.` : undefined;
  }

  remove(key: number): void {
    const file = this.all.value.find((f) => f.key === key);
    if (file?.upload && file.progress?.state === UploadState.RUNNING) file.upload.close();
    this.all.value = this.all.value.filter((f) => f.key !== key);
  }

  /** All files in the box go with a prompt that waits for them. */
  bind(prompt: string): void {
    this.all.value = this.all.value.map((f) => (f.prompt === undefined ? { ...f, prompt } : f));
  }

  of(prompt: string): readonly Attached[] {
    return this.all.value.filter((f) => f.prompt === prompt);
  }

  /** How much of the files of a waiting prompt is stored, in per cent. */
  share(prompt: string): number {
    const files = this.of(prompt);
    const all = files.reduce((sum, f) => sum + f.size, 0);
    return Math.floor((100 * files.reduce((sum, f) => sum + (f.progress?.stored ?? 0), 0)) / Math.max(1, all));
  }

  /** They are on their way; the host tells what becomes of them. */
  release(prompt: string | undefined): void {
    this.all.value = this.all.value.filter((f) => f.prompt !== prompt);
  }

  /** Back into the box. */
  unbind(prompt: string): void {
    this.all.value = this.all.value.map((f) => {
      if (f.prompt !== prompt) return f;
      const { prompt: _, ...rest } = f;
      return rest;
    });
  }

  #change(key: number, change: Partial<Attached>): void {
    this.all.value = this.all.value.map((f) => (f.key === key ? { ...f, ...change } : f));
  }

  #take(file: File): void {
    const key = this.#next++;
    const entry: Attached = { key, name: fitName(file.name), type: file.type.slice(0, TYPE_BYTES_MAX), size: file.size };
    this.all.value = [...this.all.value, entry];
    if (file.size === 0) this.#change(key, { problem: "the file is empty" });
    else if (file.size > ATTACHMENT_BYTES_MAX) this.#change(key, { problem: `too large: ${size(file.size)}; a file may have 10 MiB` });
    else void this.#upload(key, file, entry);
  }

  async #upload(key: number, file: File, entry: Attached): Promise<void> {
    void previewOf(file).then((preview) => {
      if (preview !== undefined) this.#change(key, { preview });
    });
    let content: Uint8Array;
    try {
      content = new Uint8Array(await file.arrayBuffer());
    } catch {
      this.#change(key, { problem: "the browser could not read it" });
      return;
    }
    if (!this.all.value.some((f) => f.key === key)) return; // removed meanwhile
    try {
      const upload = this.#session.upload({ name: entry.name, type: entry.type, bytes: content });
      const look = (progress: UploadProgress) => {
        const failed = progress.state > UploadState.DONE;
        this.#change(key, { progress, ...(failed ? { problem: failure(progress) } : {}) });
      };
      this.#change(key, { upload, progress: upload.progress });
      upload.onProgress(look);
    } catch (error) {
      this.#change(key, { problem: error instanceof LinkError ? refusalWords(error.code) : "it could not be read" });
    }
  }
}
