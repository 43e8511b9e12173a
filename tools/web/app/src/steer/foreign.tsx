import { pieces } from "./foreign.ts";

interface Props {
  text: string;
  prose?: boolean;
  oneLine?: boolean;
}

/** Foreign text, with what is hidden in it shown by name. In a direction of its own. */
export function Foreign({ text, prose, oneLine }: Props) {
  return (
    <bdi>
      {pieces(text, { prose: prose ?? false, oneLine: oneLine ?? false }).map((piece, index) =>
        piece.named ? <span key={index} class="named" title="a character that would not be seen">{piece.text}</span> : piece.text)}
    </bdi>
  );
}
