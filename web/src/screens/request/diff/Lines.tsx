import { memo } from "react";

import type { Pair, Row } from "./parse";
import { Words } from "./Words";

const SIGNS: Record<Row["kind"], string> = { same: " ", add: "+", del: "-", note: " " };

/** A line of a diff in one column. */
export const Line = memo(function Line({ row }: { row: Row }) {
  if (row.kind === "note") return <Note text={row.text} />;
  return (
    <div className={`diff-line ${row.kind}`}>
      <span className="diff-number">{row.old ?? ""}</span>
      <span className="diff-number">{row.new ?? ""}</span>
      <span className="diff-sign">{SIGNS[row.kind]}</span>
      <span className="diff-text">
        <Words row={row} />
      </span>
    </div>
  );
});

/** Two lines beside each other: before and after. */
export const Both = memo(function Both({ pair: { left, right } }: { pair: Pair }) {
  if (left?.kind === "note") return <Note text={left.text} />;
  return (
    <div className="diff-both">
      <Side row={left} number={left?.old} />
      <Side row={right} number={right?.new} />
    </div>
  );
});

function Side({ row, number }: { row: Row | undefined; number: number | undefined }) {
  if (row === undefined) return <div className="diff-line diff-half nothing" />;
  return (
    <div className={`diff-line diff-half ${row.kind}`}>
      <span className="diff-number">{number ?? ""}</span>
      <span className="diff-sign">{SIGNS[row.kind]}</span>
      <span className="diff-text">
        <Words row={row} />
      </span>
    </div>
  );
}

function Note({ text }: { text: string }) {
  return <div className="diff-note">{text}</div>;
}
