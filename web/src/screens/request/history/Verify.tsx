import { useQuery } from "@tanstack/react-query";

import { api, held, type Schemas } from "../../../api/client";
import { Failure } from "../../../parts/Failure";
import { Time } from "../../../parts/Time";
import { errorOf } from "../run/read";
import { ToldError } from "../run/Told";

/** Whether the history is as it was written, once somebody wants to know. */
export function Verify({ requestId }: { requestId: string }) {
  const { data, error, isFetching, refetch, dataUpdatedAt } = useQuery({
    // Not below the request's own key: what happens to that asks for no new check.
    queryKey: ["verified", requestId],
    queryFn: () => held(api.GET("/audit/verify", { params: { query: { chain: requestId } } })),
    enabled: false,
  });
  return (
    <div className="history-verify">
      <button type="button" disabled={isFetching} onClick={() => void refetch()}>
        {isFetching ? "Every hash is being computed again…" : "Verify this history"}
      </button>
      {error !== null && <Failure error={error} />}
      {data !== undefined && error === null && <Verdict found={data} at={dataUpdatedAt} />}
    </div>
  );
}

function counted(count: number, one: string, many: string): string {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

function Verdict({ found, at }: { found: Schemas["Verified"]; at: number }) {
  if (!found.ok) {
    const problems = found.problems.map(errorOf).filter((problem) => problem !== undefined);
    return (
      <div role="alert" className="history-problems">
        <p>
          <strong>✕ Not as it was written:</strong> {counted(found.found, "problem was", "problems were")} found.
        </p>
        {problems.map((problem, number) => (
          <ToldError key={number} error={problem} />
        ))}
      </div>
    );
  }
  const logs = found.logs > 0 ? `, ${counted(found.logs, "log fits its digest", "logs fit their digests")}` : "";
  const expired = found.logs_expired > 0 ? `, ${counted(found.logs_expired, "log has", "logs have")} expired` : "";
  return (
    <p role="status" className="history-good">
      ✓ {counted(found.rows, "entry is", "entries are")} as written
      {logs}
      {expired}. Checked <Time at={new Date(at).toISOString()} />.
    </p>
  );
}
