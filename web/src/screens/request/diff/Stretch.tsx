import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";

import { count } from "../../../parts/words";
import { Both, Line } from "./Lines";
import { sideBySide, type Hunk, type Pair, type Row } from "./parse";

/** So many lines stand there from the first. */
const FIRST = 40;
/** So many more come at once. */
const MORE = 120;
/** More than this are a window that one scrolls in, of which only what is seen is drawn. */
const WINDOW = 400;

/** A hunk: a long one is folded, and a very long one has a window of its own. */
export function Stretch({ hunk, split }: { hunk: Hunk; split: boolean }) {
  const rows = useMemo<(Row | Pair)[]>(() => (split ? sideBySide(hunk.rows) : hunk.rows), [hunk, split]);
  const [wanted, setWanted] = useState(FIRST);
  // A fold that would hide hardly anything is only in the way.
  const shown = rows.length <= wanted + 10 ? rows.length : wanted;
  const left = rows.length - shown;
  return (
    <div className="diff-hunk">
      {hunk.head !== "" && <div className="diff-head">{hunk.head}</div>}
      {shown > WINDOW ? (
        <Window rows={rows} />
      ) : (
        rows.slice(0, shown).map((row, index) => <Either key={index} row={row} />)
      )}
      {left > 0 && (
        <div className="diff-more">
          <button type="button" className="quiet" onClick={() => setWanted(wanted + MORE)}>
            Show {Math.min(MORE, left)} more lines
          </button>
          {left > MORE && (
            <button type="button" className="quiet" onClick={() => setWanted(rows.length)}>
              Show all {count(rows.length, "line")}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function Either({ row }: { row: Row | Pair }) {
  return "kind" in row ? <Line row={row} /> : <Both pair={row} />;
}

function Window({ rows }: { rows: (Row | Pair)[] }) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => 20,
    overscan: 30,
  });
  return (
    <div
      ref={box}
      className="diff-window"
      tabIndex={0}
      role="group"
      aria-label={`${count(rows.length, "line")}, to scroll`}
    >
      <div className="diff-whole" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ key, index, start }) => (
          <div
            key={key}
            ref={virtual.measureElement}
            data-index={index}
            className="diff-placed"
            style={{ transform: `translateY(${start}px)` }}
          >
            <Either row={rows[index] as Row | Pair} />
          </div>
        ))}
      </div>
    </div>
  );
}
