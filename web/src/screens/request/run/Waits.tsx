import type { Schemas } from "../../../api/client";
import { Since } from "../../../parts/Time";

const WAITS: Record<string, string> = {
  planner: "Waits for the planner",
  agent: "Waits for an agent",
  action: "Waits for an agent that has the action",
  host: "Waits for the host",
  resources: "Waits for resources",
  claim: "Offered, and not taken yet",
  route: "Waits for a way to the agent",
  retry: "Waits before it is tried again",
  answer: "Waits for an answer",
  approval: "Waits for approval",
  attention: "Waits for a decision",
  resume: "Paused",
  cancel: "Is being stopped",
};

/** What something waits for and since when, in words. */
export function Waits({ on: { what, since, text } }: { on: Schemas["WaitingFor"] }) {
  return (
    <span className="run-waits">
      {WAITS[what] ?? `Waits for ${what.replaceAll("_", " ")}`}
      {text !== "" && <>: {text}</>}{" "}
      <span className="faint">
        (for <Since at={since} />)
      </span>
    </span>
  );
}
