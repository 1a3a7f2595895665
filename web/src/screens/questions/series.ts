import { isMeasured, labelOf } from "./columns";
import type { Answer, Question } from "./queries";

export interface Line {
  label: string;
  /** One for each moment; null where nothing was measured. */
  values: (number | null)[];
}

export interface Series {
  /** Seconds, as they are drawn. */
  at: number[];
  lines: Line[];
  /** Whether a moment is a whole day. */
  daily: boolean;
  isSeconds: boolean;
  /** Whether all figures are whole. */
  isCounted: boolean;
}

const DAY = 86_400;
const HOUR = 3_600;
/** More moments than that are more than a screen has points. */
const MOST = 5_000;

/** What the lines of an answer are: one for each figure, and of each agent where there are agents. */
export function seriesOf(of: Answer, plot: NonNullable<Question["plot"]>): Series {
  const { columns, rows } = of;
  const x = columns.indexOf(plot.x);
  const group = columns.indexOf("agent");
  const daily = rows.every((row) => String(row[x]).length === 10);
  const moments = rows.map((row) => momentOf(String(row[x])));
  const at = stretch(of, moments, daily ? DAY : HOUR);
  const place = new Map(at.map((moment, index) => [moment, index]));
  const lines = new Map<string, Line>();
  for (const name of plot.y) {
    const none = isMeasured(name) ? null : 0;
    const column = columns.indexOf(name);
    rows.forEach((row, index) => {
      const who = group < 0 ? undefined : String(row[group]);
      const label = who === undefined ? labelOf(name) : plot.y.length === 1 ? who : `${who}: ${labelOf(name)}`;
      const line = lines.get(label) ?? { label, values: at.map(() => none) };
      lines.set(label, line);
      const value = row[column];
      const there = place.get(moments[index] ?? NaN);
      if (there !== undefined && typeof value === "number") line.values[there] = value;
    });
  }
  return {
    at,
    lines: Array.from(lines.values()),
    daily,
    isSeconds: plot.y.every((name) => name.endsWith("_seconds")),
    isCounted: !plot.y.some(isMeasured),
  };
}

/** `2026-03-01` or `2026-03-01 09:00`, in UTC. */
function momentOf(text: string): number {
  return Date.parse(`${text.replace(" ", "T")}${text.length === 10 ? "T00:00" : ""}:00Z`) / 1000;
}

/** Every day or hour that was asked about, those without a row, too. Of an answer that is not whole, up to its last row. */
function stretch({ since, until, more }: Answer, moments: number[], step: number): number[] {
  const known = Array.from(new Set(moments)).sort((a, b) => a - b);
  const first = Math.floor(Date.parse(since) / 1000 / step) * step;
  const last = more ? (known.at(-1) ?? first) : Math.ceil(Date.parse(until) / 1000 / step) * step - step;
  if ((last - first) / step > MOST) return known;
  return Array.from({ length: Math.max(0, (last - first) / step) + 1 }, (_, index) => first + index * step);
}
