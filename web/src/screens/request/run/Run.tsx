import { getRouteApi } from "@tanstack/react-router";

import { Empty } from "../../../parts/Page";
import { duration, useNow } from "../../../parts/Time";
import { useShortcut } from "../../../shell/shortcuts";
import { Log } from "../log/Log";
import { nameOf, placeOf } from "../log/rows";
import type { Place } from "../log/store";
import { Ending } from "./Ending";
import { firstToShow, secondsBetween, spanOf, type Answer, type Task } from "./read";
import { Reserved } from "./Reserved";
import "./run.css";
import { Steps } from "./Steps";
import { TaskDetail } from "./TaskDetail";
import { Waits } from "./Waits";

const route = getRouteApi("/inside/requests/$id");

/** What runs now, what has run, and what came of it. */
export function Run({ request }: { request: Answer }) {
  const { task: chosen, line } = route.useSearch();
  const navigate = route.useNavigate();
  const { tasks, waiting_for } = request;
  const runs = tasks.filter(({ purpose }) => purpose === "apply");
  const before = tasks.filter(({ purpose }) => purpose !== "apply");
  const selected = tasks.find(({ task_id }) => task_id === chosen) ?? firstToShow(tasks);

  const choose = (task: Task) =>
    void navigate({
      search: ({ line: _, ...search }) => ({ ...search, task: task.task_id }),
      replace: true,
      resetScroll: false,
    });
  const move = (step: number) => {
    const shown = [...before, ...runs];
    const next = shown[shown.findIndex((task) => task === selected) + step];
    if (next !== undefined) choose(next);
  };
  useShortcut("j", "next step", () => move(1));
  useShortcut("k", "step before", () => move(-1));

  if (tasks.length === 0) return <NothingYet request={request} />;
  return (
    <div className="run">
      {waiting_for !== null && waiting_for !== undefined && (
        <p>
          <Waits on={waiting_for} />
        </p>
      )}
      <Reserved hosts={request.reserved_hosts} />
      <Ending request={request} runs={runs} />
      <section className="run-list" aria-label="Steps">
        <header className="run-head">
          <h2>Steps</h2>
          <Predicted request={request} runs={runs} />
        </header>
        {before.length > 0 && (
          <details open={runs.length === 0 || before.some((task) => task === selected)}>
            <summary>{beforeInWords(before)}</summary>
            <Steps tasks={before} selected={selected?.task_id} onSelect={choose} />
          </details>
        )}
        <Steps tasks={runs} selected={selected?.task_id} onSelect={choose} />
      </section>
      {selected !== undefined && (
        <section className="run-task" aria-label={selected.title}>
          <h2>{selected.title}</h2>
          <TaskDetail task={selected} requestId={request.request_id} told={isTold(request, selected)} />
          <Log
            key={selected.task_id}
            task={selected}
            heard={request.last_event_id}
            line={placeOf(line)}
            hrefOf={(place: Place) =>
              `?${new URLSearchParams({ view: "run", task: selected.task_id, line: nameOf(place) })}`
            }
            onLine={(place) =>
              void navigate({
                search: (search) => ({ ...search, view: "run", task: selected.task_id, line: nameOf(place) }),
                replace: true,
                resetScroll: false,
              })
            }
          />
        </section>
      )}
    </div>
  );
}

/** The summary of a request that has ended tells of the tasks that ran. */
function isTold({ finished_at }: Answer, { purpose, status }: Task): boolean {
  return typeof finished_at === "string" && purpose === "apply" && status === "completed";
}

function beforeInWords(tasks: Task[]): string {
  const done = tasks.every(({ status }) => status === "completed");
  const count = tasks.length === 1 ? "One step" : `${tasks.length} steps`;
  return `${count} before approval${done ? ", completed" : ""}`;
}

/** How long the run takes beside how long it was said to take. */
function Predicted({ request, runs }: { request: Answer; runs: Task[] }) {
  const now = useNow();
  const span = spanOf(runs);
  const predicted = request.plan?.estimated_seconds;
  if (span === undefined)
    return predicted === undefined ? null : <span className="faint">about {duration(predicted)}</span>;
  const took = secondsBetween(span.from, span.to ?? new Date(now).toISOString());
  const late = span.to === undefined && predicted !== undefined && took > predicted;
  return (
    <span className="faint">
      {span.to === undefined ? "for " : "took "}
      {duration(Math.max(took, 0.1))}
      {predicted !== undefined && `, predicted ${duration(predicted)}`}
      {late && ": longer than predicted"}
    </span>
  );
}

function NothingYet({ request: { status, waiting_for } }: { request: Answer }) {
  const ended = ["cancelled", "rejected", "expired", "failed", "completed"].includes(status);
  return (
    <Empty title={ended ? "Nothing was run" : "Nothing runs yet"}>
      {waiting_for !== null && waiting_for !== undefined && (
        <p>
          <Waits on={waiting_for} />
        </p>
      )}
      <p className="faint">
        {ended
          ? "The request ended before any step of it began."
          : "Steps appear here once there is a plan: those that only read run first, all others once it is approved."}
      </p>
    </Empty>
  );
}
