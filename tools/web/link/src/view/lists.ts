/** Lists that events replace or add to. They are never changed in place. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { boundedCopy } from "./copy.js";

/** A copy in the place of element `index`, or at the end; what is over `most` is left out. */
export function put<D extends DescMessage>(
  desc: D, list: readonly MessageShape<D>[], index: number, element: MessageShape<D>, most: number,
): readonly MessageShape<D>[] {
  if (index >= most) return list;
  const copy = boundedCopy(desc, element);
  return copy ? [...list.slice(0, index), copy, ...list.slice(index + 1)] : list;
}

/** The list with copies of these behind it, as far as there is room. */
export function join<D extends DescMessage>(
  desc: D, list: readonly MessageShape<D>[], elements: readonly MessageShape<D>[], most: number,
): readonly MessageShape<D>[] {
  if (elements.length === 0) return list;
  const joined = [...list];
  for (const element of elements) {
    if (joined.length === most) break;
    const copy = boundedCopy(desc, element);
    if (copy) joined.push(copy);
  }
  return joined;
}

export function without<T>(list: readonly T[], index: number): readonly T[] {
  return [...list.slice(0, index), ...list.slice(index + 1)];
}
