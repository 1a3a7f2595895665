import { useMemo } from "react";

import { words } from "../../../../parts/Status";
import { useMedia } from "../../../../parts/remembered";
import { cut, named } from "../../../../parts/words";
import { HEIGHT, layout, WIDTH } from "./layout";
import type { Step } from "./step";

function riskOf(risk: string): string {
  if (risk === "read_only") return "reads only";
  return ["low", "medium", "high"].includes(risk) ? `${risk} risk` : words(risk);
}

/** Which step waits for which. A step leads to its place in the list, which says everything. */
export function Graph({ steps, show }: { steps: Step[]; show: (id: string) => void }) {
  const wide = useMedia("(min-width: 761px)");
  const { width, height, nodes, edges } = useMemo(() => layout(steps, wide ? "LR" : "TB"), [steps, wide]);
  return (
    <div className="change-graph" role="group" aria-label="Which step waits for which">
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
        <defs>
          <marker id="change-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
            <path d="M0,0 L8,4 L0,8 z" className="change-arrow" />
          </marker>
        </defs>
        {edges.map(({ key, path }) => (
          <path key={key} d={path} className="change-edge" markerEnd="url(#change-arrow)" />
        ))}
        {nodes.map(({ step, x, y }) => (
          <foreignObject key={step.id} x={x} y={y} width={WIDTH} height={HEIGHT}>
            <button
              type="button"
              className={`change-node change-risk-${step.risk}`}
              title={step.title}
              onClick={() => show(step.id)}
            >
              <span className="change-node-title">
                {steps.indexOf(step) + 1}. {cut(step.title, 44)}
              </span>
              <span className="change-node-about">
                {named(step.hosts, 2)} · {riskOf(step.risk)}
              </span>
            </button>
          </foreignObject>
        ))}
      </svg>
    </div>
  );
}
