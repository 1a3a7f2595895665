import type { Schemas } from "../../../api/client";
import type { Task } from "./read";

export interface Choice {
  decision: Schemas["TaskDecision"];
  /** The button. */
  does: string;
  /** What follows from it. */
  then: string;
  needsComment: boolean;
  danger: boolean;
}

/** What a person can decide about a task that was cut off, each with what follows from it. */
export function choicesOf({ title, status, hosts, attempt, cancel_requested_at }: Task): Choice[] {
  const where = hosts.length === 1 ? (hosts[0] ?? "the host") : `${hosts.length} hosts`;
  const unknown = status === "unknown";
  const stopped = typeof cancel_requested_at === "string";
  const choices: Choice[] = [
    {
      decision: "retry",
      does: `Run it again on ${where}`,
      then: `“${title}” is run again from its beginning, as attempt ${attempt + 1}.`,
      needsComment: unknown,
      danger: false,
    },
    {
      decision: "done",
      does: "Count it as done",
      then: `“${title}” counts as completed by your word, and the steps after it go on.`,
      needsComment: true,
      danger: false,
    },
    {
      decision: "give_up",
      does: "Give it up",
      then: stopped
        ? `“${title}” counts as cancelled. What it has done until then stays done.`
        : `“${title}” counts as failed, and so does the run unless the plan says otherwise. What it has done until then stays done.`,
      needsComment: unknown,
      danger: true,
    },
  ];
  // What was cancelled is never run again.
  return choices.filter(({ decision }) => decision !== "retry" || !stopped);
}
