import type { Schemas } from "../../../api/client";
import { named } from "../../../parts/words";

type Request = Schemas["RequestAnswer"];

/** What happens at this moment, in words, and since when. */
export function nowOf(request: Request): { text: string; since: string } {
  const { status, waiting_for: waits, tasks, plan, updated_at: updated } = request;
  if (request.held_at != null)
    return { text: `paused${request.held_by == null ? "" : ` by ${request.held_by}`}`, since: request.held_at };
  const running = tasks.filter((task) => task.status === "running");
  const first = running[0];
  switch (status) {
    case "planning":
      return { text: waits == null ? "planning" : `planning: ${waits.text}`, since: waits?.since ?? updated };
    case "needs_input":
      return { text: "waits for your answer", since: waits?.since ?? updated };
    case "discovering": {
      if (first !== undefined)
        return { text: `looking around on ${named(first.hosts)}: ${doing(first)}`, since: first.started_at ?? updated };
      return {
        text: `looking around: ${waits?.text ?? waitingTask(tasks) ?? "waits for an agent"}`,
        since: waits?.since ?? updated,
      };
    }
    case "previewing":
      return { text: `previewing ${plan?.summary ?? "the plan"}`, since: waits?.since ?? updated };
    case "awaiting_approval":
      return { text: `waits for ${waits?.text ?? "approval"}`, since: waits?.since ?? updated };
    case "running": {
      if (first === undefined)
        return { text: waits?.text ?? waitingTask(tasks) ?? "waits for an agent", since: waits?.since ?? updated };
      const more = running.length > 1 ? ` and ${running.length - 1} more` : "";
      return {
        text: `running ${first.title}${more}, ${first.progress} %: ${doing(first)}`,
        since: first.started_at ?? updated,
      };
    }
    default:
      return {
        text: waits == null ? status.replaceAll("_", " ") : `${status.replaceAll("_", " ")}: ${waits.text}`,
        since: waits?.since ?? request.finished_at ?? updated,
      };
  }
}

function doing(task: Schemas["TaskView"]): string {
  return task.message === "" ? task.title : task.message;
}

function waitingTask(tasks: Schemas["TaskView"][]): string | undefined {
  const task = tasks.find(({ waiting_for: waits }) => waits != null);
  return task?.waiting_for == null ? undefined : `${task.title} waits for ${task.waiting_for.text}`;
}

const OVER = ["completed", "failed", "cancelled", "rejected", "expired"];

/** Whether nothing more comes of it. */
export function isOver(status: string): boolean {
  return OVER.includes(status);
}
