import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { api, held } from "../../api/client";
import { SOON, whoami } from "../../api/queries";
import { Failure } from "../../parts/Failure";
import { Since } from "../../parts/Time";
import { Confirm } from "../../parts/Confirm";

/** Hosts that are kept from other work, because something of a stopped run may still be there. */
export function Reserved() {
  const { data: me } = useSuspenseQuery(whoami);
  const may = me.permissions.includes("hosts.read");
  const { data, error } = useQuery({
    queryKey: ["hosts", "reserved"],
    queryFn: () => held(api.GET("/hosts/reserved")),
    refetchInterval: SOON,
    enabled: may,
  });
  if (error !== null && data === undefined) return <Failure error={error} />;
  if (data === undefined || data.items.length === 0) return null;
  return (
    <section className="fleet-section">
      <h2>Reserved hosts</h2>
      <p className="faint">Something of a run that was stopped may still be there, so other work for them waits.</p>
      <ul className="fleet-list">
        {data.items.map((one) => (
          <li key={`${one.host} ${one.task_id}`} className="card">
            <div className="fleet-head">
              <p className="fleet-name">
                <strong>{one.host}</strong>
                <span className="faint">
                  for <Since at={one.since} />, by attempt {one.attempt} of{" "}
                  <Link to="/requests/$id" params={{ id: one.request_id }} search={{ view: "run", task: one.task_id }}>
                    {one.title}
                  </Link>
                </span>
              </p>
              {me.permissions.includes("tasks.resolve") && (
                <Confirm
                  trigger={`Release ${one.host}`}
                  quiet={false}
                  title={`Give ${one.host} to other work?`}
                  effect={`Nothing runs there: release ${one.host}`}
                  doing="Releasing"
                  reason="How you know that nothing of it runs any more"
                  needed
                  act={(key, comment) =>
                    held(
                      api.POST("/hosts/{host}/release", {
                        params: { path: { host: one.host }, header: { "Idempotency-Key": key } },
                        body: { comment },
                      }),
                    )
                  }
                >
                  <p>
                    Other work for {one.host} goes on at once. Chiffon can’t see there whether this is true; you say it:
                  </p>
                  <MayRun what={one.may_still_run} />
                </Confirm>
              )}
            </div>
            <MayRun what={one.may_still_run} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function MayRun({ what }: { what: string[] }) {
  if (what.length === 0) return <p>What may still run there is not known.</p>;
  return (
    <ul className="fleet-long">
      {what.map((one) => (
        <li key={one}>May still run: {one}</li>
      ))}
    </ul>
  );
}
