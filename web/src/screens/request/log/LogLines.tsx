import type { KeyboardEvent } from "react";

import type { Heights } from "./heights";
import type { Line } from "./pages";
import { LogLine } from "./LogLine";
import { nameOf, type Rows, type Spot } from "./rows";
import type { Scroll } from "./useScroll";

const AROUND = 8;

interface Props {
  label: string;
  rows: Rows;
  heights: Heights;
  scroll: Scroll;
  start: number;
  cursor: string | undefined;
  opened: ReadonlyMap<string, number>;
  search: RegExp | undefined;
  attempts: boolean;
  hrefOf: (line: Line) => string;
  onPick: (line: Line) => void;
  onOpen: (line: Line) => void;
  onHeight: (name: string, height: number) => void;
  onKey: (event: KeyboardEvent) => void;
}

/** The lines that are in sight, and some around them. */
export function LogLines({ label, rows, heights, scroll, cursor, opened, hrefOf, onKey, ...rest }: Props) {
  const spots = inSight(rows, heights, scroll);
  const from = heights.offset(spots[0]?.row ?? 0) - scroll.shift;
  return (
    <div
      className="log-box"
      role="log"
      aria-live="off"
      aria-label={label}
      tabIndex={0}
      ref={scroll.box}
      onScroll={scroll.onScroll}
      onKeyDown={onKey}
    >
      <div className="log-inner" style={{ height: scroll.inner }}>
        <div className="log-sight" style={{ transform: `translateY(${from}px)` }}>
          {spots.map(({ row, spot: { segment, index } }) => {
            const line = segment.page?.line(index);
            if (line === undefined)
              return (
                <div key={`row ${row}`} className="log-line absent" aria-hidden="true">
                  <div className="log-row">…</div>
                </div>
              );
            const name = nameOf(line);
            return (
              <LogLine
                key={name}
                {...rest}
                line={line}
                current={cursor === name}
                open={opened.has(name)}
                href={hrefOf(line)}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** The rows in sight, with what stands there. */
export function inSight(rows: Rows, heights: Heights, { top, height }: Scroll): { row: number; spot: Spot }[] {
  const from = Math.max(0, heights.rowAt(top) - AROUND);
  const to = Math.min(rows.length, heights.rowAt(top + height) + AROUND + 1);
  const spots: { row: number; spot: Spot }[] = [];
  for (let row = from; row < to; row += 1) {
    const spot = rows.at(row);
    if (spot !== undefined) spots.push({ row, spot });
  }
  return spots;
}
