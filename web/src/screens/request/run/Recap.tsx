import type { Schemas } from "../../../api/client";
import { Status } from "../../../parts/Status";
import { LongText } from "./LongText";
import type { Task } from "./read";

const MOST = 12;
const ORDER = ["failed", "unreachable", "unfinished", "not_begun", "completed"];

/** A word that is not known here stands before what went well. */
function rank({ status }: Schemas["HostOutcome"]): number {
  const place = ORDER.indexOf(status);
  return place === -1 ? ORDER.length - 1.5 : place;
}

function byNeed(one: Schemas["HostOutcome"], other: Schemas["HostOutcome"]): number {
  return rank(one) - rank(other) || Number(other.changed) - Number(one.changed);
}

/** How it went on each host: what failed comes first. */
export function Recap({ task: { host_results, purpose } }: { task: Task }) {
  if (host_results.length === 0) return null;
  const counted = new Map<string, number>();
  for (const { status, changed } of host_results) {
    const name = status === "completed" ? (changed ? "changed" : "without a change") : status.replaceAll("_", " ");
    counted.set(name, (counted.get(name) ?? 0) + 1);
  }
  const hosts = host_results.toSorted(byNeed);
  const rest = hosts.slice(MOST);
  return (
    <section className="run-recap" aria-label="By host">
      <h3>
        {host_results.length === 1 ? "1 host" : `${host_results.length} hosts`}
        <span className="faint"> · {Array.from(counted, ([name, many]) => `${many} ${name}`).join(", ")}</span>
      </h3>
      <HostTable hosts={hosts.slice(0, MOST)} dry={purpose === "preview"} />
      {rest.length > 0 && (
        <details>
          <summary>{rest.length} more hosts</summary>
          <HostTable hosts={rest} dry={purpose === "preview"} />
        </details>
      )}
    </section>
  );
}

function HostTable({ hosts, dry }: { hosts: Schemas["HostOutcome"][]; dry: boolean }) {
  const says = hosts.some(({ message }) => typeof message === "string");
  return (
    <table className="run-hosts">
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col">Outcome</th>
          <th scope="col">{dry ? "Would change" : "Changed"}</th>
          {says && <th scope="col">Says</th>}
        </tr>
      </thead>
      <tbody>
        {hosts.map(({ host, status, changed, changes, message }) => (
          <tr key={host}>
            <th scope="row">{host}</th>
            <td>
              <Status of={status} />
            </td>
            <td data-label={dry ? "Would change" : "Changed"}>
              {changes.length > 0 ? (
                <Changes names={changes} />
              ) : changed ? (
                "yes"
              ) : (
                <span className="faint">nothing</span>
              )}
            </td>
            {says && (
              <td data-label="Says" className={typeof message === "string" ? "" : "nothing"}>
                {typeof message === "string" && <LongText text={message} />}
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Changes({ names }: { names: string[] }) {
  return (
    <ul className="run-changes">
      {names.map((name, number) => (
        <li key={number}>{name}</li>
      ))}
    </ul>
  );
}
