import type { Schemas } from "../../../api/client";
import { Command } from "../../../parts/Copy";
import { Since } from "../../../parts/Time";

/** Hosts that other work does not get, because something that was started may still run there. */
export function Reserved({ hosts }: { hosts: Schemas["ReservedHost"][] }) {
  if (hosts.length === 0) return null;
  return (
    <ul className="run-reserved">
      {hosts.map(({ host, task_id, title, attempt, since, may_still_run, release }) => (
        <li key={`${host} ${task_id}`}>
          <p>
            <strong>{host}</strong> has been kept from other work for <Since at={since} />: attempt {attempt} of “
            {title}” may still run there{may_still_run.length > 0 && ` (${may_still_run.join(", ")})`}. Look at the
            host, and give it back:
          </p>
          <Command text={release} />
        </li>
      ))}
    </ul>
  );
}
