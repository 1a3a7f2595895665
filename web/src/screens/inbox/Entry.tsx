import { Link } from "@tanstack/react-router";

import { Hosts, Risk, Status } from "../../parts/Status";
import { Since, Time } from "../../parts/Time";
import { errorText } from "../../parts/errors";
import { hostsOf, needsSeveral, type Waiting } from "./sort";

/** What is near its end is said with more weight. */
const SOON_OVER = 3_600_000;

/** One thing that waits: what was asked, and in a line what it would do or what is wanted. */
export function Entry({ of }: { of: Waiting }) {
  const { item, whole, kind, since } = of;
  const hosts = hostsOf(whole);
  const risk = whole?.plan?.risk ?? item.risk;
  return (
    <li className="inbox-entry">
      <div className="inbox-head">
        <Link to="/requests/$id" params={{ id: item.request_id }} className="inbox-link" data-row="">
          {item.text === "" ? item.request_id : item.text}
        </Link>
        {kind === "others" && <Status of={item.status} />}
      </div>
      <p className="inbox-effect">{effect(of)}</p>
      <p className="inbox-facts">
        {risk && item.status === "awaiting_approval" && <Risk of={risk} />}
        {hosts.length > 0 && <Hosts names={hosts} most={4} />}
        <span className="faint inbox-who">
          asked by {item.requested_by} <Time at={item.created_at} />
        </span>
        <span className="faint">
          waiting <Since at={since} />
        </span>
        <Expires at={whole?.plan?.expires_at ?? whole?.deadline} />
      </p>
    </li>
  );
}

/** The one line: the plan's effect, the question, or what has stopped it. */
function effect({ item, whole, kind }: Waiting): string {
  const waits = item.waiting_for?.text;
  switch (item.status) {
    case "awaiting_approval": {
      const summary = whole?.plan?.summary ?? item.summary ?? "A plan";
      const told = kind === "approve" && !needsSeveral(whole);
      return waits === undefined || told ? summary : `${summary} · waits for ${waits}`;
    }
    case "needs_input":
      return waits ?? "It asks something.";
    default:
      return errorText(item.error) ?? waits ?? "It was cut off, and somebody has to say what becomes of it.";
  }
}

function Expires({ at }: { at: string | null | undefined }) {
  if (!at) return null;
  const near = Date.parse(at) - Date.now() < SOON_OVER;
  return (
    <span className={near ? "inbox-near" : "faint"}>
      expires <Time at={at} />
    </span>
  );
}
