import { Time } from "../../../../parts/Time";
import { count } from "../../../../parts/words";
import { policyOf, type Plan } from "./step";

/** What stands beside the steps: what the planner wants known, what the policy asks for, and what was decided. */
export function Reasons({ plan }: { plan: Plan }) {
  const { needed, selfApproval, reasons } = policyOf(plan);
  const given = new Set(plan.approvals.filter(({ decision }) => decision === "approve").map(({ by }) => by)).size;
  return (
    <section className="change-reasons" aria-label="Notes and approvals">
      {plan.notes.length > 0 && (
        <div className="card">
          <h2>Notes of the planner</h2>
          <ul className="change-bullets">
            {plan.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </div>
      )}
      <div className="card">
        <h2>{needed === 0 ? "Needs no approval" : `${given} of ${count(needed, "approval")} given`}</h2>
        <ul className="change-bullets">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
          {needed > 0 && !selfApproval && <li>Who has a word in what is planned may not approve it.</li>}
          {needed > 1 && <li>Each approval has to come from another person.</li>}
        </ul>
        {plan.approvals.length > 0 && (
          <ul className="change-approvals">
            {plan.approvals.map(({ by, at, decision, comment, standing_approval_id: standing, left_out: left }) => (
              <li key={`${by} ${at}`}>
                <strong>{by}</strong> {DID[decision] ?? decision} <Time at={at} />
                {left.length > 0 && <span> without {left.join(", ")}</span>}
                {standing != null && <span className="faint"> by a standing approval</span>}
                {comment != null && comment !== "" && <blockquote>{comment}</blockquote>}
              </li>
            ))}
          </ul>
        )}
        {plan.sha256 != null && (
          <p className="faint">
            An approval names exactly this plan, by its hash <code title={plan.sha256}>{plan.sha256.slice(0, 12)}</code>
            .
          </p>
        )}
      </div>
    </section>
  );
}

const DID: Record<string, string> = { approve: "approved", reject: "rejected", revise: "wanted a change" };
