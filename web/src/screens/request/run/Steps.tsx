import { Status, words } from "../../../parts/Status";
import { Agent } from "./Heard";
import { Lasted } from "./Lasted";
import { isRunning, type Task } from "./read";
import { Waits } from "./Waits";

interface Props {
  tasks: Task[];
  selected: string | undefined;
  onSelect: (task: Task) => void;
}

/** The tasks in their order: what each does now, for how long, and by whom. */
export function Steps({ tasks, selected, onSelect }: Props) {
  return (
    <ol className="run-steps">
      {tasks.map((task) => (
        <li key={task.task_id} className={task.task_id === selected ? "selected" : ""}>
          <Step task={task} selected={task.task_id === selected} onSelect={() => onSelect(task)} />
        </li>
      ))}
    </ol>
  );
}

function Step({ task, selected, onSelect }: { task: Task; selected: boolean; onSelect: () => void }) {
  const { title, status, purpose, attempt, started_at, finished_at, waiting_for, hosts } = task;
  return (
    <div className="run-step">
      <span className="run-status">
        <Status of={status} />
      </span>
      <button type="button" className="run-title" aria-pressed={selected} onClick={onSelect}>
        {title}
      </button>
      <span className="run-lasted number">
        {typeof started_at === "string" ? (
          <Lasted from={started_at} to={isOpen(task) ? undefined : finished_at} />
        ) : (
          "–"
        )}
      </span>
      <span className="run-about faint">
        {purpose !== "apply" && <span>{purpose === "preview" ? "dry run" : words(purpose)}</span>}
        <span>
          {hosts.length === 1 ? hosts[0] : `${hosts.length} hosts`} <Agent task={task} />
        </span>
        {attempt > 1 && <span>attempt {attempt}</span>}
        {typeof task.iteration === "number" && task.iteration > 0 && <span>part {task.iteration + 1}</span>}
        {task.changed === true && <span>{purpose === "apply" ? "changed" : "would change"}</span>}
        {typeof task.cancel_requested_at === "string" && isOpen(task) && <span>is being stopped</span>}
        {typeof task.consequence === "string" && (
          <span>
            {task.status === "skipped" && typeof task.output === "string"
              ? task.output
              : task.consequence === "continue"
                ? "the steps after it went on"
                : "the steps after it were skipped"}
          </span>
        )}
      </span>
      {isRunning(task) && <Progress task={task} />}
      {waiting_for !== null && waiting_for !== undefined && (
        <span className="run-now">
          <Waits on={waiting_for} />
        </span>
      )}
    </div>
  );
}

function isOpen({ finished_at, status }: Task): boolean {
  return typeof finished_at !== "string" && status !== "interrupted";
}

function Progress({ task: { progress, message, title } }: { task: Task }) {
  return (
    <span className="run-now">
      <progress max={100} value={progress} aria-label={`${title}: ${progress} %`} />
      <span className="number">{progress} %</span>
      <span className="run-message">{message === "" ? "has begun" : message}</span>
    </span>
  );
}
