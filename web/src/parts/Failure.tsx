import { Problem } from "../api/problem";

/** What went wrong, in the words of the server, with where to read on and the next step. */
export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const problem = error instanceof Problem ? error : undefined;
  const text = error instanceof Error ? error.message : String(error);
  return (
    <div className="failure" role="alert">
      <p>{text}</p>
      {problem !== undefined && (
        <p className="faint">
          <a href={`/docs/errors/${problem.code}`} target="_blank" rel="noreferrer">
            {problem.code} {problem.details.title}
          </a>{" "}
          · trace {problem.details.trace_id}
        </p>
      )}
      {again !== undefined && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}
