import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { api, held, newKey } from "../../../api/client";
import { whoami } from "../../../api/queries";
import { Failure } from "../../../parts/Failure";
import { Since } from "../../../parts/Time";
import { choicesOf, type Choice } from "./decisions";
import { errorOf, type Task } from "./read";
import { ToldError } from "./Told";

/** A task that was cut off: what is known of it, and what a person decides. */
export function Resolve({ task, requestId }: { task: Task; requestId: string }) {
  const { data: me } = useQuery(whoami);
  const error = errorOf(task.error);
  const done = task.host_results.flatMap(({ host, changes }) => changes.map((name) => `${name} (${host})`));
  return (
    <section className="run-resolve card" aria-label="What becomes of it">
      <h3>
        {task.status === "unknown"
          ? "Nobody knows what became of this step"
          : "This step was cut off, so that it is only partly done"}
        {typeof task.waiting_for?.since === "string" && (
          <span className="faint">
            {" "}
            · for <Since at={task.waiting_for.since} />
          </span>
        )}
      </h3>
      {error !== undefined && <ToldError error={error} />}
      <p>
        {task.progress > 0 && <>It was at {task.progress} %. </>}
        The log below shows everything that it said. {done.length > 0 ? "By then it had done:" : "No change is known."}
      </p>
      {done.length > 0 && (
        <ul className="run-changes">
          {done.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
      {me?.permissions.includes("tasks.resolve") === true ? (
        <Decide task={task} requestId={requestId} />
      ) : (
        <p className="faint">
          Somebody who may decide about tasks (at least a requester) has to say what becomes of it.
        </p>
      )}
    </section>
  );
}

function Decide({ task, requestId }: { task: Task; requestId: string }) {
  const client = useQueryClient();
  const [comment, setComment] = useState("");
  const [sure, setSure] = useState(false);
  const [busy, setBusy] = useState<Choice>();
  const [failed, setFailed] = useState<unknown>();
  const [said, setSaid] = useState("");
  const key = useRef<{ of: string; key: string }>(undefined);
  const unknown = task.status === "unknown";

  const decide = async (choice: Choice) => {
    setBusy(choice);
    setFailed(undefined);
    const body = {
      decision: choice.decision,
      attempt: task.attempt,
      comment: comment.trim() === "" ? null : comment.trim(),
      not_running: sure,
    };
    // The same decision that is sent again, because its answer was lost, is taken once.
    const of = JSON.stringify(body);
    if (key.current?.of !== of) key.current = { of, key: newKey() };
    try {
      const header = { "Idempotency-Key": key.current.key };
      const { text } = await held(
        api.POST("/tasks/{id}/resolve", { params: { path: { id: task.task_id }, header }, body }),
      );
      setSaid(text);
      await client.invalidateQueries({ queryKey: ["request", requestId] });
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy(undefined);
    }
  };

  return (
    <div className="run-decide">
      <label>
        How you know, or why {unknown ? "(needed)" : "(needed to count it as done)"}
        <textarea value={comment} rows={2} onChange={(event) => setComment(event.target.value)} />
      </label>
      {unknown && (
        <label className="run-sure">
          <input type="checkbox" checked={sure} onChange={(event) => setSure(event.target.checked)} />
          <span>
            I have looked: attempt {task.attempt} does not run any more. Its hosts become free for other work.
          </span>
        </label>
      )}
      <ul className="run-choices">
        {choicesOf(task).map((choice) => (
          <li key={choice.decision}>
            <button
              type="button"
              className={choice.danger ? "danger" : ""}
              disabled={busy !== undefined || (choice.needsComment && comment.trim() === "")}
              aria-describedby={`then-${choice.decision}`}
              onClick={() => void decide(choice)}
            >
              {busy?.decision === choice.decision ? "Being decided…" : choice.does}
            </button>
            <span id={`then-${choice.decision}`}>{choice.then}</span>
          </li>
        ))}
      </ul>
      {failed !== undefined && <Failure error={failed} />}
      {said !== "" && <p role="status">{said}</p>}
    </div>
  );
}
