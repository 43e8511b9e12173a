/** Images, files and whole texts: shown or saved only when all their bytes have come and are what they should be. */
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Icon } from "../../parts/icon.tsx";
import { bytes } from "../../parts/words.ts";
import type { AssetFacts } from "../assets.ts";
import { oneLine } from "../clean.ts";
import { useScope } from "../context.ts";
import { pictureSize } from "../picture_size.ts";

/** What a browser decodes without running anything. SVG is a document: it can only be saved. */
const PICTURES = /^image\/(png|jpeg|gif|webp|bmp)$/;
const PIXELS_MAX = 24_000_000;
const SIDE_MAX = 1600;

const WORDS: { readonly [K in AssetFacts["state"]]: string } = {
  unknown: "not loaded", incomplete: "not all of it is here", whole: "", verified: "",
  damaged: "damaged: its bytes are not what was told", refused: "too large for this page: remote asset fetches it",
};

const ENDINGS: { readonly [type: string]: string } = {
  "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp", "image/svg+xml": ".svg", "audio/wav": ".wav",
  "audio/mpeg": ".mp3", "application/json": ".json", "application/pdf": ".pdf", "text/markdown": ".md",
};

/** A name that no directory and no hidden character is in. */
export function fileName(name: string, mediaType: string): string {
  const last = oneLine(name, 200).replace(/[?#].*$/, "").split(/[/\\]/).at(-1) ?? "";
  const safe = last.replace(/[<>:"|*\u0000-\u001f\u202a-\u202e\u2066-\u2069\ufffd]/g, "_").replace(/^\.+/, "");
  if (safe.includes(".")) return safe;
  return `${safe || "file"}${ENDINGS[mediaType.split(";", 1)[0]!.trim().toLowerCase()] ?? (mediaType.startsWith("text/") ? ".txt" : ".bin")}`;
}

function save(data: Uint8Array<ArrayBuffer>, name: string): void {
  // Never as what it says it is: a page of ours must not open it.
  const url = URL.createObjectURL(new Blob([data], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export interface AssetProps {
  id: string;
  name: string;
  mediaType: string;
  size?: bigint;
}

/** Its name, what there is of it, and how to get it. */
export function AssetLink({ id, name, mediaType, size }: AssetProps) {
  const { store } = useScope();
  const busy = useMemo(() => signal(false), []);
  void store.asset(id).value;
  const facts = store.model.assets.facts(id);
  const type = oneLine(mediaType || facts.mediaType, 80);
  const total = facts.total || Number(size ?? 0);
  const ready = facts.state === "whole" || facts.state === "verified";
  const load = async () => {
    busy.value = true;
    await store.loadUntil(() => !["unknown", "incomplete"].includes(store.model.assets.facts(id).state));
    busy.value = false;
  };
  return (
    <span class="asset" data-testid="asset" data-state={facts.state}>
      <Icon name={type.startsWith("image/") ? "image" : "file"} />
      <bdi class="asset-name">{oneLine(name || facts.name, 120) || "file"}</bdi>
      <span class="muted small">{[type, total ? bytes(total) : "", WORDS[facts.state]].filter(Boolean).join(" · ")}</span>
      {ready && (
        <button type="button" class="tl-more" onClick={() => {
          const data = store.model.assets.bytes(id);
          if (data) save(data, fileName(name || facts.name, type));
        }}>Save</button>
      )}
      {(facts.state === "unknown" || facts.state === "incomplete") && id !== "" && !store.complete && (
        <button type="button" class="tl-more" aria-busy={busy.value} onClick={() => void (busy.value ? undefined : load())}>{busy.value ? "Loading…" : "Load"}</button>
      )}
    </span>
  );
}

/** Of a text that is cut: where all of it is. Without an id it is not cut. */
export function Whole({ id, name, mediaType = "text/plain" }: { id: string; name: string; mediaType?: string }) {
  if (!id) return null;
  return <p class="tl-note small muted">Cut here; all of it: <AssetLink id={id} name={name} mediaType={mediaType} /></p>;
}

/** A picture; drawn on a canvas: the page takes no images from anywhere. */
export function Picture(props: AssetProps) {
  const { store } = useScope();
  const canvas = useRef<HTMLCanvasElement>(null);
  const failed = useMemo(() => signal(false), []);
  void store.asset(props.id).value;
  const facts = store.model.assets.facts(props.id);
  const type = (facts.mediaType || props.mediaType).toLowerCase();
  const ready = (facts.state === "whole" || facts.state === "verified") && PICTURES.test(type);
  useEffect(() => {
    if (!ready) return;
    const data = store.model.assets.bytes(props.id);
    let gone = false;
    if (data)
      draw(data, type, () => (gone ? null : canvas.current)).catch(() => {
        if (!gone) failed.value = true;
      });
    return () => {
      gone = true;
    };
  }, [ready, props.id]);
  return (
    <figure class="picture">
      {ready && !failed.value && <canvas ref={canvas} role="img" aria-label={oneLine(props.name || facts.name, 200) || "image"} width={1} height={1} />}
      <figcaption>
        <AssetLink {...props} />
        {failed.value && <span class="small muted"> It cannot be shown: not an image of that kind, or too large.</span>}
      </figcaption>
    </figure>
  );
}

async function draw(data: Uint8Array<ArrayBuffer>, type: string, where: () => HTMLCanvasElement | null): Promise<void> {
  // Before it is decoded: a small file may hold more pixels than there is memory.
  const size = pictureSize(data);
  if (!size || size.width * size.height > PIXELS_MAX) throw new RangeError("too many pixels");
  const bitmap = await createImageBitmap(new Blob([data], { type }));
  try {
    const canvas = where();
    if (!canvas) return;
    const scale = Math.min(1, SIDE_MAX / Math.max(bitmap.width, bitmap.height));
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    canvas.getContext("2d")!.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  } finally {
    bitmap.close();
  }
}
