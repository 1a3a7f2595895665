import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { Schemas } from "../../api/client";
import { request as requestOf, SOON } from "../../api/queries";
import { Failure } from "../../parts/Failure";
import { Loading } from "../../parts/Page";
import { Risk, Status } from "../../parts/Status";
import { duration } from "../../parts/Time";
import { isOver } from "../request/frame/moment";
import { Now } from "../request/frame/Now";
import { amount } from "../request/change/plan/Summary";
import { stepsOf, type Plan } from "../request/change/plan/step";
import { Values } from "../request/change/plan/Value";
import { fields, told } from "../../api/reading";
import { Answer } from "../request/change/talk/Answer";
import { cut, money, named } from "../../parts/words";
import { dropAsked } from "./asked";

/** While something moves, a card is looked at this often: a browser follows only a few things live at once. */
const OFTEN = 1_000;
const WAITS_FOR_PEOPLE = ["needs_input", "awaiting_approval", "needs_attention", "paused"];

/** A request that was asked here, as it stands now. */
export function Live({ id }: { id: string }) {
  const { data, error, refetch } = useQuery({
    ...requestOf(id),
    refetchInterval: ({ state }) => often(state.data?.status),
  });
  if (data === undefined) {
    return (
      <li className="card ask-live">
        {error === null ? <Loading what="the request" /> : <Failure error={error} again={() => void refetch()} />}
        {error !== null && <Hide id={id} />}
      </li>
    );
  }
  const failed = told(data.error);
  const asks = data.next.includes("answer");
  return (
    <li className="card ask-live" aria-label={cut(data.text, 80)}>
      <header>
        <p className="ask-words">
          <Link to="/requests/$id" params={{ id }}>
            {cut(data.text, 240)}
          </Link>
        </p>
        <span role="status">
          <Status of={data.status} />
        </span>
      </header>
      <p className="ask-now">
        <Now request={data} />
      </p>
      {asks && <Asks request={data} />}
      {!asks && failed !== undefined && <p className="ask-failed">{failed.message}</p>}
      {data.plan != null && <Planned request={data} plan={data.plan} />}
      {isOver(data.status) && <Hide id={id} />}
    </li>
  );
}

function often(status: string | undefined): number | false {
  if (status === undefined || WAITS_FOR_PEOPLE.includes(status)) return SOON;
  return isOver(status) ? false : OFTEN;
}

function Asks({ request }: { request: Schemas["RequestAnswer"] }) {
  const question = request.messages.findLast(({ from }) => from === "chiffon")?.text ?? request.waiting_for?.text;
  return (
    <>
      {question !== undefined && <p className="ask-question">{question}</p>}
      <Answer request={request} />
    </>
  );
}

function Planned({ request, plan }: { request: Schemas["RequestAnswer"]; plan: Plan }) {
  const { request_id: id, status, changed } = request;
  const steps = stepsOf(plan);
  const about = isOver(status)
    ? outcome(changed)
    : `${amount(plan, steps)} · about ${duration(plan.estimated_seconds)} · ${money(plan.estimated_cost_usd)}`;
  const decides = status === "awaiting_approval";
  return (
    <div className="ask-planned">
      <p>
        <strong>{plan.summary}</strong>
      </p>
      <p className="row">
        <Risk of={plan.risk} />
        <span>{about}</span>
      </p>
      {status === "completed" && plan.risk === "read_only" && <Found request={request} />}
      <Link to="/requests/$id" params={{ id }} className={decides ? "button ask-look" : ""}>
        {decides ? "Look at the plan" : status === "running" ? "Watch it run" : "Open the request"}
      </Link>
    </div>
  );
}

/** What it has changed, of what is known. */
function outcome(changed: Schemas["ChangedView"][]): string {
  const hosts = [...new Set(changed.map(({ host }) => host))];
  return hosts.length === 0 ? "nothing was changed" : `changed ${named(hosts)}`;
}

/** Who asked a question reads its answer here. */
function Found({ request }: { request: Schemas["RequestAnswer"] }) {
  return request.tasks.map(({ task_id: id, outputs }) => {
    const found = fields(outputs);
    return Object.keys(found).length === 0 ? null : <Values key={id} of={found} />;
  });
}

function Hide({ id }: { id: string }) {
  return (
    <button type="button" className="quiet ask-hide" onClick={() => dropAsked(id)}>
      Take this card away
    </button>
  );
}
