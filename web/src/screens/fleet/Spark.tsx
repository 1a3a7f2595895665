/** How a number has been: a small line from the oldest to the newest, told in words as well. */
export function Spark({
  label,
  points,
  most,
  unit,
}: {
  label: string;
  points: { at: number; value: number }[];
  /** The number at the top of it. */
  most: number;
  unit: string;
}) {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined || points.length < 2) return <span className="fleet-spark" />;
  const span = Math.max(1, last.at - first.at);
  const at = (point: { at: number; value: number }) => {
    const x = ((point.at - first.at) / span) * WIDTH;
    const y = HEIGHT - 1 - (Math.min(point.value, most) / most) * (HEIGHT - 2);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  };
  const line = points.map(at).join("L");
  const highest = Math.max(...points.map(({ value }) => value));
  const minutes = Math.max(1, Math.round(span / 60_000));
  const words = `${label} over the last ${minutes} min: now ${round(last.value)} ${unit}, at most ${round(highest)} ${unit}`;
  return (
    <svg
      className="fleet-spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={words}
    >
      <title>{words}</title>
      <path className="fleet-spark-area" d={`M0 ${HEIGHT}L${line}L${WIDTH} ${HEIGHT}Z`} />
      <path className="fleet-spark-line" d={`M${line}`} />
    </svg>
  );
}

const WIDTH = 120;
const HEIGHT = 28;
const round = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toString());
