import type { Schemas } from "../../../api/client";
import { Commits } from "./Commits";
import { Outputs } from "./Outputs";
import { errorOf, outputsOf, warningsOf, type Answer, type Task } from "./read";
import { Changes } from "./Recap";
import { ToldError } from "./Told";

const ENDED = new Set(["completed", "failed", "cancelled", "rejected", "expired"]);

/** At the end: what is different now, what one should know, and where it is written down. */
export function Ending({ request, runs }: { request: Answer; runs: Task[] }) {
  const { status, changed, commits, commits_to_come } = request;
  const ended = ENDED.has(status);
  const error = errorOf(request.error);
  if (!ended && (status !== "needs_attention" || (error === undefined && changed.length === 0))) return null;
  const warnings = runs.flatMap((task) => warningsOf(task).map((text) => ({ task, text })));
  const outputs = runs.filter((task) => outputsOf(task).length > 0);
  return (
    <section className="run-ending card" aria-label="What came of it">
      <h2 className="visually-hidden">What came of it</h2>
      {error !== undefined && <ToldError error={error} />}
      <Part title={ended ? "Changed" : "Changed so far"}>
        {changed.length === 0 ? (
          <p>{runs.length === 0 ? "Nothing: no step was run." : "Nothing was changed on any host."}</p>
        ) : (
          <ChangedList changed={changed} />
        )}
      </Part>
      {warnings.length > 0 && (
        <Part title={warnings.length === 1 ? "To know" : `To know (${warnings.length})`}>
          <ul className="run-warnings">
            {warnings.map(({ task, text }, number) => (
              <li key={`${task.task_id} ${number}`}>{text}</li>
            ))}
          </ul>
        </Part>
      )}
      {outputs.map((task) => (
        <Part key={task.task_id} title={outputs.length === 1 ? "Results" : `Results of “${task.title}”`}>
          <Outputs task={task} />
        </Part>
      ))}
      {commits.length + commits_to_come > 0 && (
        <Part title="Written down in">
          <Commits ids={commits} toCome={commits_to_come} />
        </Part>
      )}
    </section>
  );
}

function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <div className="run-part">
      <h3>{title}</h3>
      <div>{children}</div>
    </div>
  );
}

function ChangedList({ changed }: { changed: Schemas["ChangedView"][] }) {
  return (
    <ul className="run-changed">
      {changed.map(({ host, title, purpose, changes }, number) => (
        <li key={number}>
          <strong>{host}</strong> <span className="faint">by “{title}”</span>
          {purpose !== "apply" && (
            <span className="faint">, for real while it was {purpose === "preview" ? "previewed" : "looked at"}</span>
          )}
          <Changes names={changes} />
        </li>
      ))}
    </ul>
  );
}
