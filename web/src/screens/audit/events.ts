/** What happened, to go on after the name of who did it. A newer server's events are shown by their names. */
const EVENTS: Record<string, string> = {
  "action.announced": "announced an action",
  "agent.admitted_unverified": "let an agent in whose key nobody has verified",
  "agent.connected": "connected as an agent",
  "agent.dismissed_unverified": "sent away an agent whose key nobody has verified",
  "agent.drained": "ordered an agent to finish and take nothing new",
  "agent.paused": "paused an agent",
  "agent.refused": "refused an agent",
  "agent.resumed": "resumed an agent",
  "approval.stood": "approved steps for requests to come",
  "approval.withdrawn": "withdrew a standing approval",
  "dead_letter.replayed": "replayed a dead letter",
  "dead_letters.let_go": "let dead letters go that were too old or too many",
  "dead_letters.purged": "purged dead letters",
  "host.released": "gave a kept host back",
  "host.reserved": "kept a host from other work",
  "installation.restored": "restored the installation",
  "key.revoked": "took a key back",
  "key.trusted": "trusted a key",
  "log.sealed": "sealed a log",
  "plan.approved": "approved the plan",
  "plan.discovery_begun": "began to look at hosts for the plan",
  "plan.expired": "let the plan expire",
  "plan.failed": "could not finish the plan",
  "plan.frozen": "froze the plan",
  "plan.made": "made a plan",
  "plan.made_again": "made the plan again",
  "plan.proposed": "proposed the plan",
  "plan.rejected": "rejected the plan",
  "plan.revision_wanted": "wanted the plan changed",
  "plan.run_by_policy": "let the plan run, as the policy says",
  "planning.failed": "could not plan",
  "planning.taken_up_again": "took up planning again",
  "request.answered": "answered",
  "request.asked": "asked back",
  "request.cancel_wanted": "wanted the request cancelled",
  "request.cancelled": "cancelled the request",
  "request.completed": "completed the request",
  "request.deadline_passed": "noticed that the request’s time is over",
  "request.expired": "let the request expire",
  "request.failed": "ended the request as failed",
  "request.held": "held the request",
  "request.needs_attention": "asked for attention",
  "request.not_plannable": "found no plan",
  "request.paused": "paused the request",
  "request.restored": "restored the request",
  "request.resumed": "resumed the request",
  "request.sealed": "sealed the records of a request",
  "request.submitted": "asked",
  "request.talked": "said something",
  "request.waited_too_long": "noticed that the request waited too long",
  "request.went_on": "let the request go on",
  "task.attempt_failed": "failed in an attempt at a task",
  "task.attempt_found": "found an attempt at a task",
  "task.cancel_requested": "wanted a task cancelled",
  "task.cancelled": "cancelled a task",
  "task.claimed": "took on a task",
  "task.conflicting_report": "reported something else about a task than before",
  "task.dead_lettered": "made a dead letter of a task",
  "task.declined": "declined a task",
  "task.failed": "ended a task as failed",
  "task.failure_passed": "passed a failure on to a task",
  "task.finished": "finished a task",
  "task.handed_over": "handed a task over",
  "task.held": "held a task",
  "task.interrupted": "noticed that a task was cut off",
  "task.left_out": "left a task out",
  "task.not_started": "did not start a task",
  "login_link.made": "made a sign-in link",
  "notification.retried": "had a notification tried again",
  "notification.tested": "tested a channel of notifications",
  "password.changed": "changed their password",
  "password.removed": "took a password away",
  "password.set": "set somebody’s password",
  "person.enrolled": "came by the provider for the first time",
  "person.role_followed": "was given the role of their groups",
  "person.role_lost": "took a role away, with the groups that had it",
  "session.ended": "signed a browser out",
  "session.opened": "signed in with a browser",
  "task.offered": "offered a task",
  "task.previewed_again": "previewed a task again",
  "task.resolved": "decided about a task that was cut off",
  "task.resumed": "resumed a task",
  "task.retried": "retried a task",
  "task.set_aside": "set a task aside",
  "task.skipped": "skipped a task",
  "task.started": "started a task",
  "task.stray_report": "reported about a task that it does not have",
  "task.unclaimed": "noticed that nobody took on a task",
  "task.unknown": "lost sight of a task",
  "task.unroutable": "found no agent for a task",
  "tasks.created": "made tasks",
  "token.created": "made a token",
  "token.revoked": "took a token back",
};

export function happened(event: string): string {
  return EVENTS[event] ?? event.replaceAll(/[._]/g, " ");
}

/** The particulars that tell rows of one kind apart, most telling first. */
const TELLING = [
  "text",
  "comment",
  "reason",
  "title",
  "principal",
  "name",
  "action",
  "host",
  "hosts",
  "agent_id",
  "step_id",
  "purpose",
  "revision",
  "outcome",
  "chain",
  "request_id",
];
const MOST = 3;

/** A few words about the particulars of a row, for its one line. */
export function about(data: unknown, actor: string): string {
  if (typeof data !== "object" || data === null) return "";
  const fields = data as Record<string, unknown>;
  return TELLING.flatMap((name) => brief(name, fields[name]))
    .filter((words) => words !== actor)
    .slice(0, MOST)
    .join(" · ");
}

function brief(name: string, value: unknown): string[] {
  if (typeof value === "string" && value !== "") return [name === "text" ? `“${value}”` : value];
  if (typeof value === "number") return [`${name} ${value}`];
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string"))
    return [value.join(", ")];
  return [];
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The request that a row of the system chain is about. */
export function requestOf(data: unknown): string | undefined {
  const { request_id, chain } = (typeof data === "object" && data !== null ? data : {}) as Record<string, unknown>;
  return [request_id, chain].find((id): id is string => typeof id === "string" && ID.test(id));
}
