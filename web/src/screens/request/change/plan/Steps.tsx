import { lazy, Suspense, useState } from "react";

import { Loading } from "../../../../parts/Page";
import { DiffWay } from "../../diff/Diff";
import { StepCard } from "./StepCard";
import type { Part } from "./part";
import type { Step } from "./step";

// The layout of graphs is much code, and most plans are read as a list.
const Graph = lazy(async () => ({ default: (await import("./Graph")).Graph }));

/** The steps of a plan: a list, and a graph for who wants to see what waits for what. */
export function Steps({ steps, part }: { steps: Step[]; part: Part }) {
  const [graph, setGraph] = useState(false);
  const show = (id: string) => {
    const card = document.getElementById(`step-${id}`);
    card?.scrollIntoView({ block: "start" });
    card?.focus({ preventScroll: true });
  };
  return (
    <section className="change-section" aria-labelledby="change-steps">
      <header className="change-section-head">
        <h2 id="change-steps">{steps.length === 1 ? "One step" : `${steps.length} steps`}</h2>
        <span className="row">
          {steps.length > 1 && (
            <button type="button" className="change-toggle" aria-pressed={graph} onClick={() => setGraph(!graph)}>
              Graph
            </button>
          )}
          <DiffWay />
        </span>
      </header>
      {graph && steps.length > 1 && (
        <Suspense fallback={<Loading what="the graph" />}>
          <Graph steps={steps} show={show} />
        </Suspense>
      )}
      <ol className="change-steps">
        {steps.map((step, at) => (
          <StepCard key={step.id} step={step} at={at} steps={steps} part={part} />
        ))}
      </ol>
    </section>
  );
}
