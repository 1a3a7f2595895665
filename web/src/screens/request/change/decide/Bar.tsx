import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

import type { Schemas } from "../../../../api/client";
import { whoami } from "../../../../api/queries";
import { Risk } from "../../../../parts/Status";
import { useShortcut } from "../../../../shell/shortcuts";
import { amount } from "../plan/Summary";
import { count } from "../../../../parts/words";
import { riskOf, type Part } from "../plan/part";
import { applies, policyOf, stepsOf, type Plan } from "../plan/step";
import { Confirm } from "./Confirm";
import { Denied } from "./Denied";
import { deniedOf } from "./denied";
import { useDecide, type Word } from "./decide";
import { effectOf, isGrave } from "./effect";
import { Say } from "./Say";
import type { Seen } from "./seen";
import { whyNot } from "./why";
import { Trouble } from "./Trouble";
import "./decide.css";

/** What has just appeared under somebody's pointer is not what they meant to press. */
const SETTLES = 800;

type Open = "confirm" | "revise" | "reject" | undefined;

/** Where somebody decides: always about the plan that they have looked at. */
export function Bar({ request, seen, part }: { request: Schemas["RequestAnswer"]; seen: Seen; part: Part }) {
  const plan = request.plan ?? undefined;
  if (plan === undefined || seen.plan === undefined) return null;
  return (
    <section className="decide" aria-label="Decide">
      {seen.changed ? (
        <Changed plan={plan} seen={seen} />
      ) : (
        <Decide key={plan.sha256} request={request} plan={seen.plan} part={part} />
      )}
    </section>
  );
}

function Changed({ plan, seen }: { plan: Plan; seen: Seen }) {
  return (
    <>
      <p role="alert">
        <strong>The plan has changed since you looked — look again.</strong> You looked at revision{" "}
        {seen.plan?.revision}; now it is revision {plan.revision}. Nothing was decided about it.
      </p>
      <div className="row">
        <button type="button" className="primary" onClick={seen.look}>
          I have looked at revision {plan.revision}
        </button>
        <button type="button" onClick={() => document.getElementById("change-compare")?.scrollIntoView()}>
          See what is different
        </button>
      </div>
    </>
  );
}

function Decide({ request, plan, part }: { request: Schemas["RequestAnswer"]; plan: Plan; part: Part }) {
  const { data: me } = useQuery(whoami);
  const navigate = useNavigate();
  const [open, setOpen] = useState<Open>();
  const primary = useRef<HTMLButtonElement>(null);
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(true), SETTLES);
    return () => clearTimeout(timer);
  }, []);
  const decide = useDecide(request.request_id, (decided) => {
    setOpen(undefined);
    if (decided.status === "running")
      void navigate({ to: "/requests/$id", params: { id: request.request_id }, search: {} });
  });
  const all = stepsOf(plan);
  const steps = all.filter(({ id }) => !part.out.has(id));
  const left = all.filter(({ id }) => part.out.has(id)).map(({ id }) => id);
  const isNothing = !steps.some(applies);
  const risk = left.length === 0 ? plan.risk : riskOf(steps);
  const effect = `${effectOf(steps)}${left.length === 0 ? "" : `, leave out ${count(left.length, "step")}`}`;
  const policy = policyOf(plan);
  const given = new Set(plan.approvals.filter(({ decision }) => decision === "approve").map(({ by }) => by));
  const isMine = me !== undefined && given.has(me.name);
  const may = (call: string) => request.next.includes(call);
  const denied = deniedOf(request);
  const mayRest =
    denied !== undefined && denied.leave_out.length > 0 && denied.leave_out.every((id) => part.out.has(id));
  const mayApprove = (may("approve") || mayRest) && !isMine;
  const grave = isGrave(risk);
  const word = (decision: Word["decision"], comment?: string) => {
    if (plan.sha256 == null) return;
    decide.mutate({
      decision,
      sha256: plan.sha256,
      ...(decision === "approve" && left.length > 0 ? { left } : {}),
      ...(comment === undefined || comment === "" ? {} : { comment }),
    });
  };
  const show = (what: Open) => {
    decide.reset();
    setOpen(what);
  };
  const press = () => {
    if (!settled || isNothing) return;
    if (grave) show("confirm");
    else word("approve");
  };
  useShortcut(
    "a",
    "go to the button that approves the plan",
    () => (grave ? show("confirm") : primary.current?.focus()),
    mayApprove,
  );
  useShortcut("r", "ask for a change of the plan", () => show("revise"), may("revise"));
  useShortcut("x", "reject the plan", () => show("reject"), may("reject"));
  const error = decide.error;
  const why = mayApprove || denied !== undefined ? undefined : whyNot(request, plan, me);
  return (
    <>
      <p className="decide-about">
        <Risk of={risk} /> {isNothing ? "nothing would run: keep a step, or reject the plan" : amount(plan, steps)}
        {policy.needed > 1 && ` · ${given.size} of ${policy.needed} approvals`}
        {why !== undefined && ` · ${why}`}
      </p>
      {denied !== undefined && <Denied of={denied} part={part} />}
      {error !== null && open === undefined && <Trouble error={error} />}
      <div className="decide-buttons">
        {mayApprove && (
          <button
            ref={primary}
            type="button"
            className="primary decide-primary"
            disabled={decide.isPending || isNothing}
            aria-disabled={!settled}
            onClick={press}
          >
            {decide.isPending && open === undefined ? "Approving…" : effect}
            {grave && "…"}
          </button>
        )}
        {may("revise") && (
          <button type="button" onClick={() => show("revise")}>
            Ask for a change…
          </button>
        )}
        {may("reject") && (
          <button type="button" onClick={() => show("reject")}>
            Reject…
          </button>
        )}
      </div>
      {open === "confirm" && (
        <Confirm
          steps={steps}
          risk={risk}
          effect={effect}
          busy={decide.isPending}
          error={error}
          close={() => setOpen(undefined)}
          approve={() => word("approve")}
        />
      )}
      {open === "revise" && (
        <Say
          name={`revise ${request.request_id}`}
          title="What should be different?"
          label="Your words go to the planner, and a new plan takes this one’s place"
          placeholder="Use port 3002"
          act={decide.isPending ? "Asking…" : "Ask for this change"}
          back="Keep this plan"
          busy={decide.isPending}
          error={error}
          close={() => setOpen(undefined)}
          say={(text) => word("revise", text)}
        />
      )}
      {open === "reject" && (
        <Say
          name={`reject ${request.request_id}`}
          title="Reject this plan?"
          label="Why? Whoever asked reads it (may stay empty)"
          act={decide.isPending ? "Rejecting…" : "Reject the plan"}
          back="Keep it"
          danger
          optional
          busy={decide.isPending}
          error={error}
          close={() => setOpen(undefined)}
          say={(text) => word("reject", text)}
        >
          <p>The request ends, and nothing of it runs.</p>
        </Say>
      )}
    </>
  );
}
