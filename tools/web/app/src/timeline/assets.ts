/** Images, files and long texts from their chunks (libremote/include/remote/asset.h): handed on only when they are whole and true. */
import type { Asset } from "@libremote/link/messages";

/** One asset, and all of them together, that a page keeps. */
export const ASSET_BYTES_MAX = 64 * 1024 * 1024;
export const ASSETS_BYTES_MAX = 160 * 1024 * 1024;

/** unknown: no chunk has come; damaged: its bytes are not what was told; refused: it is larger than a page keeps. */
export type AssetState = "unknown" | "incomplete" | "whole" | "verified" | "damaged" | "refused";

interface Chunk {
  position: number;
  data: Uint8Array;
}

interface Kept {
  state: AssetState;
  total: number;
  have: number;
  mediaType: string;
  name: string;
  sha256: Uint8Array;
  chunks: Chunk[];
  /** `whole`, but nobody has held it against its digest yet. */
  unchecked: boolean;
}

export interface AssetFacts {
  state: AssetState;
  total: number;
  have: number;
  mediaType: string;
  name: string;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

export class AssetStore {
  readonly #assets = new Map<string, Kept>();
  /** Ids of what has changed since it was last asked. */
  readonly changed = new Set<string>();
  #bytes = 0;
  #digest: ((bytes: Uint8Array[]) => Uint8Array) | undefined;

  /** How digests are made: the module's SHA-256. */
  useDigest(digest: (bytes: Uint8Array[]) => Uint8Array): void {
    this.#digest = digest;
  }

  clear(): void {
    for (const id of this.#assets.keys()) this.changed.add(id);
    this.#assets.clear();
    this.#bytes = 0;
  }

  add(chunk: Asset): void {
    if (chunk.assetId === "") return;
    let kept = this.#assets.get(chunk.assetId);
    const total = Number(chunk.total);
    if (!kept) {
      kept = {
        state: "incomplete", total, have: 0, mediaType: chunk.mediaType, name: chunk.name,
        sha256: chunk.sha256.length === 32 ? chunk.sha256 : new Uint8Array(), chunks: [], unchecked: false,
      };
      this.#assets.set(chunk.assetId, kept);
    }
    if (this.#take(kept, chunk, total)) this.changed.add(chunk.assetId);
  }

  #take(kept: Kept, chunk: Asset, total: number): boolean {
    if (kept.state === "refused" || kept.state === "damaged") return false;
    const position = Number(chunk.position);
    const { data } = chunk;
    const told = chunk.sha256.length === 32 ? chunk.sha256 : new Uint8Array();
    // It contradicts what came before: nothing that is made of it can be trusted.
    if (total !== kept.total || !same(told, kept.sha256) || position + data.length > total || (data.length === 0 && total !== 0)) {
      this.#give(kept, "damaged");
      return true;
    }
    if (total > ASSET_BYTES_MAX || this.#bytes + data.length > ASSETS_BYTES_MAX) {
      this.#give(kept, "refused");
      return true;
    }
    let at = kept.chunks.length;
    while (at > 0 && kept.chunks[at - 1]!.position >= position) at--;
    const next = kept.chunks[at];
    const former = kept.chunks[at - 1];
    if (next && next.position === position && same(next.data, data)) return false; // it came before
    if ((next && next.position < position + data.length) || (former && former.position + former.data.length > position)) {
      this.#give(kept, "damaged");
      return true;
    }
    kept.chunks.splice(at, 0, { position, data });
    kept.have += data.length;
    this.#bytes += data.length;
    if (kept.have === kept.total) {
      kept.state = "whole";
      kept.unchecked = kept.sha256.length === 32;
    }
    return true;
  }

  #give(kept: Kept, state: AssetState): void {
    kept.state = state;
    this.#bytes -= kept.have;
    kept.have = 0;
    kept.chunks = [];
  }

  /** Its state; the digest is made when somebody first asks. */
  facts(id: string): AssetFacts {
    const kept = this.#assets.get(id);
    if (!kept) return { state: "unknown", total: 0, have: 0, mediaType: "", name: "" };
    if (kept.unchecked && this.#digest) {
      kept.unchecked = false;
      if (same(this.#digest(kept.chunks.map((chunk) => chunk.data)), kept.sha256)) kept.state = "verified";
      else this.#give(kept, "damaged");
    }
    const { state, total, have, mediaType, name } = kept;
    return { state: kept.unchecked ? "incomplete" : state, total, have, mediaType, name };
  }

  /** All of it, when it is whole and not known to be damaged. */
  bytes(id: string): Uint8Array<ArrayBuffer> | undefined {
    const { state } = this.facts(id);
    const kept = this.#assets.get(id);
    if (!kept || (state !== "whole" && state !== "verified")) return undefined;
    const out = new Uint8Array(kept.total);
    for (const chunk of kept.chunks) out.set(chunk.data, chunk.position);
    return out;
  }
}
