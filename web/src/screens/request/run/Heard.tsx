import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { agents } from "../../../api/queries";
import { duration, useNow } from "../../../parts/Time";
import { isRunning, type Task } from "./read";

const SILENT_AFTER = 10;

/** Who runs a task; and while it runs, whether that agent is heard. */
export function Agent({ task }: { task: Task }) {
  if (typeof task.agent_id !== "string") return null;
  return (
    <span>
      on <Link to="/fleet">{task.agent_id}</Link>
    </span>
  );
}

export function Silence({ task }: { task: Task }) {
  const { data } = useQuery({ ...agents, enabled: isRunning(task) });
  const now = useNow();
  const agent = data?.items.find(({ agent_id }) => agent_id === task.agent_id);
  if (agent === undefined || !isRunning(task)) return null;
  const silent = Math.floor((now - Date.parse(agent.last_seen_at)) / 1000);
  if (silent < SILENT_AFTER) return null;
  return (
    <p className="run-silent" role="status">
      Agent {agent.agent_id} has been silent for {duration(silent)}.{" "}
      {agent.alive
        ? "What it runs goes on; if it stays silent until its lease ends, the outcome counts as unknown."
        : "Its lease has ended: what it runs may still go on, and nobody can say so."}
    </p>
  );
}
