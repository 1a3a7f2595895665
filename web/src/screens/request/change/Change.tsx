import type { Schemas } from "../../../api/client";
import { Empty } from "../../../parts/Page";
import { Bar } from "./decide/Bar";
import { deniedOf } from "./decide/denied";
import { canBeDecided, useSeen } from "./decide/seen";
import { Now } from "../frame/Now";
import { Compare } from "./plan/Compare";
import { Reasons } from "./plan/Reasons";
import { Revisions } from "./plan/Revisions";
import { usePart } from "./plan/part";
import { stepsOf } from "./plan/step";
import { Steps } from "./plan/Steps";
import { Summary } from "./plan/Summary";
import { Conversation } from "./talk/Conversation";
import "./change.css";

/** What was asked, what is planned for it, and where somebody decides. */
export function Change({ request }: { request: Schemas["RequestAnswer"] }) {
  const seen = useSeen(request);
  const plan = request.plan ?? undefined;
  const asks = request.next.includes("answer");
  const steps = plan === undefined ? [] : stepsOf(plan);
  const decidable = canBeDecided(request);
  const approves = request.next.includes("approve") || deniedOf(request)?.leave_out.length;
  const part = usePart(steps, plan, decidable && !seen.changed && Boolean(approves));
  return (
    <>
      {asks && <Conversation request={request} />}
      {plan === undefined ? (
        <NoPlan request={request} />
      ) : (
        <>
          <Summary plan={plan} steps={steps} />
          {decidable && seen.changed && seen.plan !== undefined && (
            <section id="change-compare" className="card change-section" aria-labelledby="change-compare-title">
              <h2 id="change-compare-title">What has changed since you looked</h2>
              <Compare before={seen.plan} after={plan} />
            </section>
          )}
          <Steps steps={steps} part={part} />
          <Reasons plan={plan} />
          {plan.revision > 1 && <Revisions plan={plan} requestId={request.request_id} />}
        </>
      )}
      {!asks && <Conversation request={request} />}
      {decidable && <Bar request={request} seen={seen} part={part} />}
    </>
  );
}

/** Without a plan: whether one is to come, and what is waited for until then. */
function NoPlan({ request }: { request: Schemas["RequestAnswer"] }) {
  if (request.next.includes("answer")) return null;
  if (request.status === "planning") {
    return (
      <Empty title="The plan is being made">
        <p>
          <Now request={request} />. Its steps, what they would change and what they cost stand here once it is there.
        </p>
      </Empty>
    );
  }
  return (
    <Empty title="There is no plan">
      <p>This request ended before one was made. The conversation below says why.</p>
    </Empty>
  );
}
