/** How large a picture says it is, from its first bytes. What says nothing that is understood is not decoded. */
export interface Size {
  width: number;
  height: number;
}

const text = (data: Uint8Array, at: number, length: number): string => String.fromCharCode(...data.subarray(at, at + length));

/** The frame header of a JPEG, behind whatever stands before it. */
function jpeg(data: Uint8Array, view: DataView): Size | undefined {
  let at = 2;
  while (at + 9 <= data.length) {
    if (data[at] !== 0xff) return undefined;
    const marker = data[at + 1]!;
    if (marker === 0xff) at++;
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc)
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    else at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

function webp(data: Uint8Array, view: DataView): Size | undefined {
  const u24 = (at: number) => data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16);
  switch (text(data, 12, 4)) {
    case "VP8X":
      return { width: u24(24) + 1, height: u24(27) + 1 };
    case "VP8 ":
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    default:
      return undefined;
  }
}

export function pictureSize(data: Uint8Array): Size | undefined {
  if (data.length < 30) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (view.getUint32(0) === 0x89504e47 && text(data, 12, 4) === "IHDR") return { width: view.getUint32(16), height: view.getUint32(20) };
  if (text(data, 0, 4) === "GIF8") return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  if (text(data, 0, 2) === "BM") return { width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) };
  if (text(data, 0, 4) === "RIFF" && text(data, 8, 4) === "WEBP") return webp(data, view);
  if (view.getUint16(0) === 0xffd8) return jpeg(data, view);
  return undefined;
}
