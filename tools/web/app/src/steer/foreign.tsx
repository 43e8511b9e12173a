import { pieces } from "./foreign.ts";

interface Props {
  text: string;
  prose?: boolean;
  oneLine?: boolean;
  /** All that its block says: the block takes the text's direction (`dir="auto"`). */
  whole?: boolean;
}

/** Foreign text, with what is hidden in it shown by name. In a direction of its own. */
export function Foreign({ text, prose, oneLine, whole }: Props) {
  const shown = pieces(text, { prose: prose ?? false, oneLine: oneLine ?? false }).map((piece, index) =>
    piece.named ? <span key={index} class="named" title="a character that would not be seen">{piece.text}</span> : piece.text);
  return whole ? <>{shown}</> : <bdi>{shown}</bdi>;
}
