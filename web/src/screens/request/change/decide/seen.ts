import { useEffect, useState } from "react";

import type { Schemas } from "../../../../api/client";
import type { Plan } from "../plan/step";

/** The plan of a request that somebody has looked at here. */
interface Looked {
  acknowledged?: Plan;
}

const requests = new Map<string, Looked>();

function lookedAt(id: string): Looked {
  const known = requests.get(id);
  if (known !== undefined) return known;
  const fresh: Looked = {};
  requests.set(id, fresh);
  return fresh;
}

export interface Seen {
  /** The plan that a decision is about: the one that was looked at, never one that came since. */
  plan?: Plan;
  /** Whether another plan stands now. */
  changed: boolean;
  look: () => void;
}

/** Whether this plan stands still, with a hash that a decision can name. */
export function canBeDecided(request: Schemas["RequestAnswer"]): boolean {
  return request.plan?.sha256 != null && request.plan.state === "proposed" && request.status === "awaiting_approval";
}

/** Which plan somebody has looked at. The first that stands still counts as looked at; a later one only when they say so. */
export function useSeen(request: Schemas["RequestAnswer"]): Seen {
  const looked = lookedAt(request.request_id);
  const [, tell] = useState(0);
  const plan = request.plan ?? undefined;
  const stands = canBeDecided(request);
  const sha = plan?.sha256;
  useEffect(() => {
    if (plan === undefined || sha == null) return;
    if (stands && looked.acknowledged === undefined) {
      looked.acknowledged = plan;
      tell((times) => times + 1);
    }
  }, [looked, plan, sha, stands]);
  const seen = looked.acknowledged;
  return {
    ...(seen === undefined ? {} : { plan: seen }),
    changed: seen !== undefined && sha != null && seen.sha256 !== sha,
    look: () => {
      if (plan === undefined) return;
      looked.acknowledged = plan;
      tell((times) => times + 1);
    },
  };
}
