import type { Schemas } from "../../../api/client";
import type { Connection } from "../../../api/follow";
import { Copy } from "../../../parts/Copy";
import { Status } from "../../../parts/Status";
import { Since, Time } from "../../../parts/Time";
import { told } from "../../../api/reading";
import { money, short } from "../../../parts/words";
import { isOver } from "./moment";
import { Now } from "./Now";

/** Where a request stands, who asked it when, what it is called and what it has cost. */
export function Head({ request, connection }: { request: Schemas["RequestAnswer"]; connection: Connection }) {
  const error = told(request.error);
  return (
    <>
      <div className="request-about">
        <Status of={request.status} />
        {!isOver(request.status) && <Now request={request} />}
        <span>
          asked by <strong>{request.requested_by}</strong> <Time at={request.created_at} />
          {request.origin.kind !== "person" && ` (${request.origin.kind} ${request.origin.id})`}
        </span>
        {request.finished_at != null && (
          <span>
            ended <Time at={request.finished_at} />
          </span>
        )}
        <span>
          <code title={request.request_id}>{short(request.request_id)}</code>
          <Copy text={request.request_id} label="Copy id" />
        </span>
        <span title="What models have cost for it so far">
          {money(request.cost_usd)}
          {request.max_cost_usd != null && ` of at most ${money(request.max_cost_usd)}`}
        </span>
        {request.deadline != null && !isOver(request.status) && (
          <span>
            must be done <Time at={request.deadline} />
          </span>
        )}
      </div>
      {connection.state === "lost" && (
        <p className="request-lost">
          <span role="status">The connection is lost</span>, for <Since at={new Date(connection.since).toISOString()} />{" "}
          now. What you see may be old; it is looked at again by itself.
        </p>
      )}
      {error !== undefined && request.status !== "needs_input" && (
        <div className="request-error">
          <p>{error.message}</p>
          {error.code !== undefined && (
            <a href={`/docs/errors/${error.code}`} target="_blank" rel="noreferrer">
              What {error.code} means, and what to do
            </a>
          )}
        </div>
      )}
    </>
  );
}
