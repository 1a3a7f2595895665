import { diffWordsWithSpace } from "diff";
import { memo, useMemo, useState } from "react";

import { cut } from "../../../parts/words";
import type { Row } from "./parse";

/** Longer lines are not compared word by word. */
const COMPARED = 400;
/** Longer lines are shown only so far, until somebody wants them whole. */
const SHOWN = 2_000;
/** Lines that have less in common than this are other lines, not changed ones. */
const ALIKE = 0.3;

/** The text of a line, with the words that differ from the line in its place. */
export const Words = memo(function Words({ row }: { row: Row }) {
  const pieces = useMemo(() => piecesOf(row), [row]);
  const [whole, setWhole] = useState(false);
  if (pieces !== undefined) {
    return pieces.map((piece, index) =>
      piece.differs ? <mark key={index}>{piece.text}</mark> : <span key={index}>{piece.text}</span>,
    );
  }
  if (row.text.length <= SHOWN || whole) return row.text;
  return (
    <>
      {cut(row.text, SHOWN)}{" "}
      <button type="button" className="quiet" onClick={() => setWhole(true)}>
        show {(row.text.length - SHOWN).toLocaleString()} more characters
      </button>
    </>
  );
});

function piecesOf(row: Row): { text: string; differs: boolean }[] | undefined {
  const { kind, text, other } = row;
  if (other === undefined || text.length > COMPARED || other.length > COMPARED) return undefined;
  const [before, after] = kind === "del" ? [text, other] : [other, text];
  const unwanted = kind === "del" ? "added" : "removed";
  const pieces = diffWordsWithSpace(before, after).filter((piece) => !piece[unwanted]);
  const common = pieces.filter(({ added, removed }) => !added && !removed);
  const size = common.reduce((sum, { value }) => sum + value.trim().length, 0);
  if (size < Math.max(before.trim().length, after.trim().length) * ALIKE) return undefined;
  return pieces.map(({ value, added, removed }) => ({ text: value, differs: added || removed }));
}
