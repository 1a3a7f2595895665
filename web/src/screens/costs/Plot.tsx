import { useCallback } from "react";
import uPlot from "uplot";

import { useDrawing } from "../../parts/useDrawing";
import { named } from "./months";
import "uplot/dist/uPlot.min.css";

const HEIGHT = 180;

/** What each month has cost, as bars. The table beside it says the same in numbers. */
export function Plot({ months }: { months: { month: string; usd: number }[] }) {
  const drawn = useCallback((at: HTMLElement) => draw(at, months), [months]);
  const place = useDrawing(drawn, HEIGHT);
  const most = months.reduce((one, other) => (other.usd > one.usd ? other : one), { month: "", usd: 0 });
  return (
    <figure className="costs-plot">
      <div
        ref={place}
        className="costs-canvas"
        role="img"
        aria-label={`Costs of ${months.length} months, the most in ${named(most.month)}`}
      />
      <figcaption className="faint">US dollars by month</figcaption>
    </figure>
  );
}

function draw(at: HTMLElement, months: { month: string; usd: number }[]): uPlot {
  const style = getComputedStyle(at);
  const axis = { stroke: style.color, grid: { stroke: style.borderTopColor, width: 1 }, ticks: { show: false } };
  return new uPlot(
    {
      width: at.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [-0.6, months.length - 0.4] },
        y: { range: (_plot, _least, most) => [0, most === 0 ? 1 : most * 1.1] },
      },
      axes: [
        {
          ...axis,
          size: 30,
          grid: { show: false },
          splits: months.map((_, index) => index),
          values: () => months.map(({ month }) => named(month)),
        },
        { ...axis, size: 56 },
      ],
      series: [
        {},
        {
          fill: style.outlineColor,
          width: 0,
          points: { show: false },
          ...(uPlot.paths.bars === undefined ? {} : { paths: uPlot.paths.bars({ size: [0.6, 72] }) }),
        },
      ],
    },
    [months.map((_, index) => index), months.map(({ usd }) => usd)],
    at,
  );
}
