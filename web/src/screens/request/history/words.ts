import { readable } from "../run/read";

/** The particulars of an event: any of them may be missing. */
export class Particulars {
  private readonly data: Record<string, unknown>;

  constructor(
    data: unknown,
    private readonly titles: ReadonlyMap<string, string>,
  ) {
    this.data = typeof data === "object" && data !== null ? (data as Record<string, unknown>) : {};
  }

  text(name: string): string | undefined {
    const value = this.data[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  }

  number(name: string): number | undefined {
    const value = this.data[name];
    return typeof value === "number" ? value : undefined;
  }

  is(name: string): boolean {
    return this.data[name] === true;
  }

  /** The message of an error. */
  error(): string | undefined {
    const error = this.data.error as { message?: unknown } | null | undefined;
    return typeof error?.message === "string" ? error.message : undefined;
  }

  /** The title of the task that it is about. */
  get task(): string {
    const id = this.text("task_id");
    const title = (id === undefined ? undefined : this.titles.get(id)) ?? this.text("step_id") ?? "a task";
    const dry = this.text("purpose") === "preview" ? "the dry run of " : "";
    const attempt = this.number("attempt");
    return `${dry}“${title}”${attempt !== undefined && attempt > 1 ? ` (attempt ${attempt})` : ""}`;
  }

  get tasks(): string {
    const tasks = Array.isArray(this.data.tasks) ? (this.data.tasks as { title?: unknown }[]) : [];
    return tasks.map((task) => `“${readable(task?.title ?? "a task")}”`).join(", ");
  }

  get revision(): string {
    return `plan ${this.number("revision") ?? ""}`.trim();
  }
}

type Say = (about: Particulars) => string;

const because = (about: Particulars, ...names: string[]): string => {
  const why = names.map((name) => about.text(name)).find((text) => text !== undefined) ?? about.error();
  return why === undefined ? "" : `: ${why}`;
};

/** What each event is in words, after who did it. */
const SAYS: Record<string, Say> = {
  "request.submitted": (about) => `asked: ${about.text("text") ?? ""}`,
  "request.asked": (about) => `asked back${because(about, "text")}`,
  "request.answered": (about) => `answered${because(about, "text")}`,
  "request.talked": (about) => `asked about the plan${because(about, "text")}`,
  "request.not_plannable": (about) => `could not make a plan of it${because(about)}`,
  "request.completed": (about) => `completed the request${because(about, "text")}`,
  "request.failed": (about) => `ended the request as failed${because(about, "text")}`,
  "request.cancelled": () => "ended the request as cancelled",
  "request.cancel_wanted": (about) => `cancelled the request${because(about, "reason")}`,
  "request.expired": () => "let the request expire",
  "request.paused": (about) => `paused the request${because(about, "reason")}`,
  "request.resumed": () => "let the request go on",
  "request.held": () => "holds the request",
  "request.went_on": () => "let the request go on",
  "request.needs_attention": (about) => `needs a decision${because(about, "text")}`,
  "plan.made": (about) => `made ${about.revision} (${about.text("model") ?? about.text("provider") ?? "planner"})`,
  "plan.made_again": (about) => `made the plan again, as ${about.revision}${because(about, "reason")}`,
  "plan.discovery_begun": (about) => `looked at the hosts for ${about.revision}`,
  "plan.frozen": (about) => `froze ${about.revision} with what was found`,
  "plan.proposed": (about) => `proposed ${about.revision} for approval`,
  "plan.approved": (about) => `approved ${about.revision}${because(about, "comment")}`,
  "plan.rejected": (about) => `rejected ${about.revision}${because(about, "comment")}`,
  "plan.revision_wanted": (about) => `wanted another plan${because(about, "text", "comment")}`,
  "plan.run_by_policy": (about) => `ran ${about.revision} without approval, because policy allows it`,
  "plan.expired": (about) => `let ${about.revision} expire`,
  "plan.failed": (about) => `gave ${about.revision} up${because(about)}`,
  "tasks.created": (about) => `made ${about.text("purpose") === "preview" ? "dry runs" : "tasks"}: ${about.tasks}`,
  "task.offered": (about) => `offered ${about.task}`,
  "task.claimed": (about) => `took ${about.task}`,
  "task.started": (about) => `began ${about.task}`,
  "task.finished": (about) => finished(about),
  "task.failed": (about) => `failed ${about.task}${because(about)}`,
  "task.skipped": (about) => `skipped ${about.task}`,
  "task.left_out": (about) => `left out ${about.task}`,
  "task.cancelled": (about) => `cancelled ${about.task}`,
  "task.cancel_requested": (about) => `asked for the end of ${about.task}${because(about, "reason")}`,
  "task.interrupted": (about) => `was cut off in ${about.task}${because(about)}`,
  "task.unknown": (about) => `does not know what became of ${about.task}${because(about)}`,
  "task.retried": (about) => `lets ${about.task} be run again${because(about, "reason")}`,
  "task.resolved": (about) =>
    `decided about ${about.task}: ${(about.text("decision") ?? "").replaceAll("_", " ")}${because(about, "comment")}`,
  "task.declined": (about) => `did not take ${about.task}${because(about, "reason")}`,
  "task.failure_passed": (about) => `went on after ${about.task} had failed`,
  "log.sealed": (about) => `sealed the log of ${about.task}: ${about.number("lines") ?? 0} lines`,
  "host.reserved": (about) => `keeps ${about.text("host") ?? "a host"} from other work`,
  "host.released": (about) => `gave ${about.text("host") ?? "a host"} back to other work${because(about, "comment")}`,
};

function finished(about: Particulars): string {
  const outcomes: Record<string, string> = { succeeded: "finished", failed: "failed in", cancelled: "stopped" };
  const outcome = about.text("outcome") ?? "ended";
  const seconds = about.number("duration_seconds");
  const changed = about.is("changed")
    ? about.text("purpose") === "preview"
      ? ", would change something"
      : ", changed something"
    : "";
  const lasted = seconds === undefined ? "" : ` after ${seconds.toFixed(1)} s`;
  return `${outcomes[outcome] ?? `${outcome.replaceAll("_", " ")}:`} ${about.task}${lasted}${changed}${because(about)}`;
}

/** An event in words; one that is not known here, by its name. */
export function sentence(event: string, about: Particulars): string {
  return SAYS[event]?.(about) ?? `${event.replaceAll(/[._]/g, " ")}${because(about, "text", "reason", "comment")}`;
}

const BETWEEN = new Set([
  "task.offered",
  "task.claimed",
  "task.started",
  "tasks.created",
  "plan.discovery_begun",
  "plan.frozen",
  "log.sealed",
]);
const TURNS: Record<string, string> = {
  "request.completed": "good",
  "plan.approved": "good",
  "request.failed": "bad",
  "task.failed": "bad",
  "task.unknown": "bad",
  "task.interrupted": "bad",
  "plan.failed": "bad",
  "plan.rejected": "bad",
  "request.needs_attention": "bad",
  "plan.proposed": "asks",
  "request.asked": "asks",
};

/** How much an event weighs in the story: what is between the turns stands back. */
export function weightOf(event: string, about: Particulars): string {
  if (BETWEEN.has(event)) return "between";
  if (event === "task.finished" && about.text("outcome") !== "succeeded") return "bad";
  return TURNS[event] ?? "";
}
