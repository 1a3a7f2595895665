import { figure } from "./Cell";
import { labelOf } from "./columns";
import type { Answer, Question } from "./queries";

/** So many are drawn; the table has all. */
const MOST = 12;

interface Bar {
  name: string;
  values: number[];
}

/** A bar for each figure of each row, with its name and number beside it: they say without colours what is meant. */
export function Bars({ of, plot }: { of: Answer; plot: NonNullable<Question["plot"]> }) {
  const all = barsOf(of, plot.x, plot.y);
  const most = Math.max(...all.flatMap(({ values }) => values));
  const labels = plot.y.map(labelOf);
  if (most <= 0) return <p className="faint">Nothing to draw: {labels.join(" and ").toLowerCase()} is 0 everywhere.</p>;
  const left = all.length - MOST;
  return (
    <figure className="questions-plot">
      <ul className="questions-bars" aria-label={`${labels.join(", ")} by ${labelOf(plot.x).toLowerCase()}`}>
        {all.slice(0, MOST).map(({ name, values }) => (
          <li key={name}>
            <span className="questions-bar-name" title={name}>
              {name === "" ? "none" : name}
            </span>
            <span className="questions-bar-rows">
              {values.map((value, at) => (
                <span key={plot.y[at]} className="questions-bar">
                  <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                    <rect
                      width={(Math.max(0, value) / most) * 100}
                      height="8"
                      className={fillOf(plot.y[at] ?? "", at)}
                    />
                  </svg>
                  <span className="questions-bar-figure">
                    {figure(plot.y[at]?.endsWith("_seconds") === true, value)}{" "}
                    <span className="faint">{labels[at]?.toLowerCase().replace("usd", "USD")}</span>
                  </span>
                </span>
              ))}
            </span>
          </li>
        ))}
      </ul>
      {left > 0 && (
        <figcaption className="faint">
          {MOST} of {all.length.toLocaleString()} are drawn; the table has all.
        </figcaption>
      )}
    </figure>
  );
}

/** What went wrong looks so; its name stands beside it as well. */
function fillOf(name: string, at: number): string {
  if (/fail|reject|interrupted/.test(name)) return "questions-fill-bad";
  return at === 0 ? "questions-fill" : "questions-fill-other";
}

/** Rows of one name are one bar. */
function barsOf({ columns, rows }: Answer, x: string, y: string[]): Bar[] {
  const at = columns.indexOf(x);
  const places = y.map((name) => columns.indexOf(name));
  const bars = new Map<string, number[]>();
  for (const row of rows) {
    const name = String(row[at] ?? "");
    const before = bars.get(name);
    bars.set(
      name,
      places.map((place, index) => (before?.[index] ?? 0) + (typeof row[place] === "number" ? row[place] : 0)),
    );
  }
  return Array.from(bars, ([name, values]) => ({ name, values }));
}
