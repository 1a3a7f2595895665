import { useDoing } from "../../api/doing";
import { api, held, type Schemas } from "../../api/client";
import { Failure } from "../../parts/Failure";
import { Since, Time } from "../../parts/Time";
import { Value } from "../../parts/Value";

type Verified = Schemas["Verified"];

/** Checks this chain, or all records, and says in words what was found. */
export function Verify({ chain }: { chain: string }) {
  const check = useDoing({
    mutationFn: async (which: string | undefined) => {
      const found = await held(
        api.GET("/audit/verify", { params: { query: which === undefined ? {} : { chain: which } } }),
      );
      return { found, which, at: new Date().toISOString() };
    },
  });
  return (
    <section className="audit-verify" aria-label="Whether the records are whole">
      <div className="row">
        <button type="button" onClick={() => check.mutate(chain)} disabled={check.isPending}>
          Check this chain
        </button>
        <button type="button" onClick={() => check.mutate(undefined)} disabled={check.isPending}>
          Check all records
        </button>
      </div>
      <div role="status">
        {check.isPending && (
          <p>
            Reading {check.variables === undefined ? "every row, log and commit" : "every row of the chain"} and
            computing its hash again, for <Since at={new Date(check.submittedAt).toISOString()} />.
          </p>
        )}
        {check.data !== undefined && !check.isPending && (
          <Verdict of={check.data.found} all={check.data.which === undefined} at={check.data.at} />
        )}
      </div>
      {check.error !== null && <Failure error={check.error} />}
    </section>
  );
}

/** `1 commit`, `3 logs`. */
function count(of: number, one: string, many: string = `${one}s`): string {
  return `${of.toLocaleString()} ${of === 1 ? one : many}`;
}

function Verdict({ of, all, at }: { of: Verified; all: boolean; at: string }) {
  const whole = [
    `${count(of.rows, "row")} in ${count(of.chains, "chain")}`,
    ...(of.seals > 0 ? [count(of.seals, "sealed head")] : []),
    ...(of.logs > 0 ? [count(of.logs, "log")] : []),
    ...(of.logs_expired > 0 ? [`${count(of.logs_expired, "expired log")}, by digest`] : []),
    ...(typeof of.commits === "number" && of.commits > 0 ? [count(of.commits, "commit")] : []),
    ...(of.objects > 0 ? [count(of.objects, "object")] : []),
  ].join(", ");
  if (of.ok)
    return (
      <p className="audit-whole">
        <span aria-hidden="true">✓</span> {all ? "All records are" : "The chain is"} whole: {whole}.{" "}
        <span className="faint">
          Checked <Time at={at} />.
        </span>
      </p>
    );
  return (
    <div className="failure">
      <p>
        <strong>
          {count(of.found, "thing")} {of.found === 1 ? "is" : "are"} not as {of.found === 1 ? "it was" : "they were"}{" "}
          written.
        </strong>{" "}
        As written are {whole}.
      </p>
      <ol className="audit-problems">
        {of.problems.map((problem, at) => (
          <li key={at}>
            <Problem of={problem} />
          </li>
        ))}
      </ol>
      {of.found > of.problems.length && <p>The first {of.problems.length} are shown.</p>}
      <p>
        Somebody or something has changed records outside Chiffon. Keep the database and the audit repository as they
        are.
      </p>
    </div>
  );
}

function Problem({ of }: { of: unknown }) {
  const { code, message, details } = (typeof of === "object" && of !== null ? of : {}) as Record<string, unknown>;
  if (typeof message !== "string") return <Value of={of} />;
  return (
    <>
      {message}
      {typeof code === "number" && (
        <>
          {" "}
          <a href={`/docs/errors/${code}`} target="_blank" rel="noreferrer">
            {code}
          </a>
        </>
      )}
      {details !== null && details !== undefined && <Value of={details} />}
    </>
  );
}
