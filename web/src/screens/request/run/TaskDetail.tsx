import { Copy } from "../../../parts/Copy";
import { Outputs } from "./Outputs";
import { Recap } from "./Recap";
import { errorOf, isCutOff, outputsOf, warningsOf, type Task } from "./read";
import { Resolve } from "./Resolve";
import { ToldError } from "./Told";
import { Silence } from "./Heard";

/** What is to be said of one task above its log. `told` leaves out what the summary of the whole run says already. */
export function TaskDetail({ task, requestId, told }: { task: Task; requestId: string; told: boolean }) {
  const error = errorOf(task.error);
  const warnings = warningsOf(task);
  return (
    <>
      <Silence task={task} />
      {isCutOff(task) && task.purpose === "apply" ? (
        <Resolve task={task} requestId={requestId} />
      ) : (
        error !== undefined && !told && <ToldError error={error} />
      )}
      {!told && warnings.length > 0 && (
        <ul className="run-warnings">
          {warnings.map((text, number) => (
            <li key={number}>{text}</li>
          ))}
        </ul>
      )}
      <Recap task={task} />
      {!told && outputsOf(task).length > 0 && <Outputs task={task} />}
      {typeof task.commit === "string" && !told && (
        <p className="faint">
          Commit <code title={task.commit}>{task.commit.slice(0, 12)}</code> <Copy text={task.commit} label="Copy id" />
        </p>
      )}
    </>
  );
}
