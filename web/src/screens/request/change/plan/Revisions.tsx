import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, held, type Schemas } from "../../../../api/client";
import { Failure } from "../../../../parts/Failure";
import { Loading } from "../../../../parts/Page";
import { Status } from "../../../../parts/Status";
import { Time } from "../../../../parts/Time";
import { Compare } from "./Compare";
import type { Plan } from "./step";

type Revision = Schemas["RevisionView"];

/** The plans before this one: when they were made, what became of them, and what is different in the one that came after. */
export function Revisions({ plan, requestId }: { plan: Plan; requestId: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["request", requestId, "plans", plan.revision],
    queryFn: () => held(api.GET("/request/{id}/plans", { params: { path: { id: requestId } } })),
    staleTime: Infinity,
  });
  const plans = data?.items ?? [];
  return (
    <section className="card change-revisions" aria-labelledby="change-revisions">
      <h2 id="change-revisions">Earlier plans</h2>
      {data === undefined && error === null && <Loading what="the earlier plans" />}
      {error !== null && <Failure error={error} again={() => void refetch()} />}
      <ol>
        {plans.slice(1).map((one, index) => (
          <Earlier key={one.revision} before={one} after={plans[index] ?? one} />
        ))}
      </ol>
    </section>
  );
}

function Earlier({ before, after }: { before: Revision; after: Revision }) {
  const [open, setOpen] = useState(false);
  return (
    <li>
      <p>
        <strong>Plan {before.revision}</strong>, made <Time at={before.created_at} /> <Status of={before.state} />
      </p>
      <p className="faint">{before.summary}</p>
      <button type="button" className="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? "Hide what is different" : `What is different in plan ${after.revision}`}
      </button>
      {open && <Compare before={before} after={after} />}
    </li>
  );
}
