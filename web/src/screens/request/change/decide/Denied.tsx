import type { Schemas } from "../../../../api/client";
import { Risk } from "../../../../parts/Status";
import { count } from "../../../../parts/words";
import type { Part } from "../plan/part";

/** What of this plan one may not approve, who may, and the way to approve the rest. */
export function Denied({ of, part }: { of: Schemas["Denied"]; part: Part }) {
  const rest = of.leave_out.every((id) => part.out.has(id));
  return (
    <div className="decide-denied">
      <p>You may not approve all of this plan. Not yours {of.steps.length === 1 ? "is" : "are"}:</p>
      <ul>
        {of.steps.map((step) => (
          <li key={`${step.step_id} ${step.host ?? ""}`}>
            {step.title}
            {step.host != null && !step.title.includes(step.host) && <> on {step.host}</>} <Risk of={step.risk} />
          </li>
        ))}
      </ul>
      <p>
        {of.people.length > 0
          ? `All of it may be approved by ${of.people.join(", ")}.`
          : "Whoever approves everything has to."}{" "}
        {of.leave_out.length > 0 && !rest && (
          <button type="button" onClick={() => part.leaveOut(of.leave_out)}>
            Leave {count(of.leave_out.length, "step")} out
          </button>
        )}
      </p>
    </div>
  );
}
