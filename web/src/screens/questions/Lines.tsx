import { useCallback, useMemo, useState } from "react";
import uPlot from "uplot";

import { useDrawing } from "../../parts/useDrawing";
import { figure } from "./Cell";
import { labelOf } from "./columns";
import type { Answer, Question } from "./queries";
import { seriesOf, type Series } from "./series";
import "uplot/dist/uPlot.min.css";

const HEIGHT = 220;
/** More lines than that nobody can tell from each other. */
const MOST = 10;
/** Lines differ in their strokes as well as in their colours. */
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [14, 5]];
const COLOURS = 5;
const DAY = 86_400;
/** Steps of an axis of things that are counted: there is no half run. */
const WHOLE = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "UTC" });

/** How figures were over time, in UTC. The table has the same in numbers. */
export function Lines({ of, plot }: { of: Answer; plot: NonNullable<Question["plot"]> }) {
  const [pointed, setPointed] = useState<number>();
  const series = useMemo(() => seriesOf(of, plot), [of, plot]);
  const drawn = useCallback((at: HTMLElement) => draw(at, series, setPointed), [series]);
  const place = useDrawing(drawn, HEIGHT);
  const shown = series.lines.slice(0, MOST);
  const moment = pointed === undefined ? undefined : series.at[pointed];
  return (
    <figure className="questions-plot">
      <div ref={place} className="questions-canvas" role="img" aria-label={inWords(series)}>
        {Array.from({ length: COLOURS }, (_, colour) => (
          <i key={colour} hidden className={`questions-stroke-${colour}`} />
        ))}
      </div>
      <figcaption>
        <ul className="questions-legend">
          {shown.map(({ label, values }, index) => (
            <li key={label}>
              <svg width="28" height="8" aria-hidden="true" className={`questions-stroke-${index % COLOURS}`}>
                <path d="M0 4H28" strokeDasharray={dashOf(index).join(" ")} />
              </svg>
              {label}
              {pointed !== undefined && <strong>{valued(series, values[pointed])}</strong>}
            </li>
          ))}
        </ul>
        <span className="faint">
          {plot.y.length === 1 && `${labelOf(plot.y[0] ?? "")} · `}
          {moment === undefined ? `by ${series.daily ? "day" : "hour"} (UTC)` : `${named(series, moment)} (UTC)`}
          {series.lines.length > MOST && ` · ${MOST} of ${series.lines.length} are drawn; the table has all`}
        </span>
      </figcaption>
    </figure>
  );
}

/** Each time that the colours have been through, the strokes are others. */
function dashOf(index: number): number[] {
  return DASHES[(index + Math.floor(index / COLOURS)) % DASHES.length] ?? [];
}

function named({ daily }: Series, at: number): string {
  const date = new Date(at * 1000);
  return daily ? day.format(date) : `${day.format(date)}, ${hour.format(date)}`;
}

function valued({ isSeconds }: Series, value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : figure(isSeconds, value);
}

/** The drawing for whoever does not see it: from when until when, and the highest of each line. */
function inWords(series: Series): string {
  const [first, last] = [series.at[0], series.at.at(-1)];
  if (first === undefined || last === undefined) return "Nothing is drawn";
  const highest = series.lines.slice(0, MOST).map(({ label, values }) => {
    const most = Math.max(...values.map((value) => value ?? 0));
    const at = series.at[values.indexOf(most)];
    return `${label} at most ${valued(series, most)}${at === undefined ? "" : ` on ${named(series, at)}`}`;
  });
  return `Lines from ${named(series, first)} to ${named(series, last)}: ${highest.join("; ")}. The table has the figures.`;
}

function draw(at: HTMLElement, series: Series, onPoint: (index: number | undefined) => void): uPlot {
  const style = getComputedStyle(at);
  const colours = Array.from(at.querySelectorAll("i"), (sample) => getComputedStyle(sample).color);
  const axis = { stroke: style.color, grid: { stroke: style.borderTopColor, width: 1 }, ticks: { show: false } };
  const lines = series.lines.slice(0, MOST);
  const pad = (series.daily ? DAY : DAY / 24) / 2;
  return new uPlot(
    {
      width: at.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false },
      hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? undefined)] },
      tzDate: (moment) => uPlot.tzDate(new Date(moment * 1000), "Etc/UTC"),
      scales: {
        x: { time: true, range: (_plot, least, most) => [least - pad, most + pad] },
        y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1] },
      },
      axes: [
        {
          ...axis,
          size: 30,
          grid: { show: false },
          incrs: [1, 3, 6, 12, 24, 48, 7 * 24, 14 * 24, 30 * 24, 90 * 24, 365 * 24]
            .map((hours) => hours * 3600)
            .filter((step) => !series.daily || step >= DAY),
          space: 64,
          values: (_plot, splits) =>
            splits.map((moment) => (moment % DAY === 0 ? day : hour).format(new Date(moment * 1000))),
        },
        {
          ...axis,
          size: 64,
          ...(series.isCounted ? { incrs: WHOLE } : {}),
          values: (_plot, splits) => splits.map((value) => figure(series.isSeconds, value)),
        },
      ],
      series: [
        {},
        ...lines.map((_, index) => {
          const stroke = colours[index % COLOURS] ?? style.color;
          return { stroke, width: 2, dash: dashOf(index), points: { show: isSparse(series), size: 5, fill: stroke } };
        }),
      ],
    },
    [series.at, ...lines.map(({ values }) => values)],
    at,
  );
}

/** Few moments are told apart by points; a value between two that are missing would not be seen without one. */
function isSparse({ at }: Series): boolean {
  return at.length <= 100;
}
