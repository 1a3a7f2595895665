import { Risk, Status } from "../../../../parts/Status";
import { Time, useNow } from "../../../../parts/Time";
import { fields, text } from "../../../../api/reading";
import { duration } from "../../../../parts/Time";
import { count, money, named } from "../../../../parts/words";
import { applies, hostsOf, type Plan, type Step } from "./step";

/** A plan in one line: how much, where, how bad, how long, for how much, made by whom, until when. */
export function Summary({ plan, steps }: { plan: Plan; steps: Step[] }) {
  return (
    <section className="card change-summary" aria-label="The plan in short">
      <p className="row">
        <strong>Plan {plan.revision}</strong>
        <Status of={plan.state} />
        <Risk of={plan.risk} />
      </p>
      <h2>{plan.summary}</h2>
      <p className="change-line">
        <span>
          <strong>{amount(plan, steps)}</strong>
        </span>
        <span>about {duration(plan.estimated_seconds)}</span>
        <span>{money(plan.estimated_cost_usd)}</span>
        <span>{madeBy(plan)}</span>
        <Until plan={plan} />
      </p>
    </section>
  );
}

/** `2 to change on nas`, with what is not known yet. */
export function amount(plan: Plan, steps: Step[]): string {
  const own = steps.filter(applies);
  const hosts = named(hostsOf(steps));
  if (own.length === 0) return "reads only";
  if (own.every(({ risk }) => risk === "read_only")) return `reads only, on ${hosts}`;
  if (plan.state === "discovering") return `what changes on ${hosts} is known once it has been looked at`;
  const changes = own.reduce((sum, { preview }) => sum + preview.changes.length, 0);
  const isOpen = own.some(({ preview }) => preview.status === "running" || preview.status === "waiting");
  const isPartial = own.some(
    ({ preview, risk }) => risk !== "read_only" && (preview.status !== "done" || (preview.coverage ?? 1) < 1),
  );
  const failed = own.filter(({ preview }) => preview.status === "failed").length;
  if (failed > 0) return `what changes on ${hosts} is not known: ${count(failed, "preview")} failed`;
  if (isOpen) return `previewing what changes on ${hosts}`;
  if (changes === 0)
    return isPartial ? `changes on ${hosts} that no preview can count` : `nothing to change on ${hosts}`;
  return `${isPartial ? "at least " : ""}${count(changes, "to change", "to change")} on ${hosts}`;
}

function madeBy(plan: Plan): string {
  const by = fields(plan.planned_by);
  const provider = text(by.provider);
  if (provider === undefined) return "planned";
  if (provider === "offline") return "planned offline";
  if (provider === "direct") return "planned as asked, without a planner";
  const model = text(by.model);
  return model === undefined ? `planned by ${provider}` : `planned by ${model} (${provider})`;
}

/** Until when it can be approved; an approved plan has no such end any more. */
function Until({ plan }: { plan: Plan }) {
  const now = useNow(15_000);
  if (plan.approved_at != null) {
    return (
      <span>
        approved <Time at={plan.approved_at} />
      </span>
    );
  }
  if (plan.expires_at == null || !["discovering", "previewing", "proposed", "expired"].includes(plan.state))
    return null;
  const left = (new Date(plan.expires_at).getTime() - now) / 1000;
  if (left <= 0) {
    return (
      <span>
        expired <Time at={plan.expires_at} />
      </span>
    );
  }
  return (
    <span title={new Date(plan.expires_at).toLocaleString()}>
      expires in {left >= 7200 ? `${Math.floor(left / 3600)} h` : duration(left)}
    </span>
  );
}
