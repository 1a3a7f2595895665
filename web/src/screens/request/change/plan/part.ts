import { useState } from "react";

import type { Schemas } from "../../../../api/client";
import { applies, type Step } from "./step";

/** The risks from the least to the greatest. */
const RISKS = ["read_only", "low", "medium", "high", "destructive"];

/** Which steps of a plan somebody leaves out when they approve it. */
export interface Part {
  /** Left out by hand, or because they need such a step. */
  out: ReadonlySet<string>;
  /** The step that is left out and that this one needs; undefined where it may be kept. */
  lacks: (step: Step) => Step | undefined;
  /** Who has left them out, where somebody has; undefined while nobody has, or somebody is about to choose others. */
  by: string | undefined;
  /** Undefined where nothing can be left out. */
  flip: ((id: string) => void) | undefined;
  /** Leaves out exactly these. */
  leaveOut: (ids: string[]) => void;
}

/** A part of this plan: at first the one that somebody has approved already, for another approver has to approve the same; else all of it. */
export function usePart(steps: Step[], plan: Schemas["PlanView"] | undefined, open: boolean): Part {
  const [chosen, choose] = useState<{ sha256: unknown; ids: string[] }>();
  const sha256 = plan?.sha256;
  const approval = plan?.approvals.filter(({ decision }) => decision === "approve").at(-1);
  const approved = approval?.left_out ?? [];
  const ids = chosen !== undefined && chosen.sha256 === sha256 ? chosen.ids : approved;
  const out = new Set(ids);
  // Steps stand in an order in which they could run: one pass finds all that need one another.
  for (const step of steps) if (step.after.some((id) => out.has(id))) out.add(step.id);
  const flip = (id: string) =>
    choose({ sha256, ids: ids.includes(id) ? ids.filter((other) => other !== id) : [...ids, id] });
  const flips = open && steps.filter(applies).length > 1;
  return {
    out,
    by: flips ? undefined : approval?.by,
    lacks: (step) => steps.find(({ id }) => step.after.includes(id) && out.has(id)),
    flip: flips ? flip : undefined,
    leaveOut: (ids) => choose({ sha256, ids }),
  };
}

/** The highest risk of these steps. */
export function riskOf(steps: Step[]): string {
  return steps.map(({ risk }) => risk).reduce((one, other) => (rank(other) > rank(one) ? other : one), "read_only");
}

function rank(risk: string): number {
  const at = RISKS.indexOf(risk);
  // A risk that nobody knows is the greatest.
  return at < 0 ? RISKS.length : at;
}
