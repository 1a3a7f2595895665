import type { Schemas } from "../../api/client";
import { Time } from "../../parts/Time";

/** Who said hello and was sent away: why, and what to do. */
export function Refused({ all }: { all: Schemas["RefusedView"][] }) {
  if (all.length === 0) return null;
  return (
    <section className="fleet-section">
      <h2>Refused in the last day</h2>
      <ul className="fleet-list">
        {all.map((one) => (
          <li key={`${one.agent_id} ${one.key_id} ${one.code}`} className="card">
            <p className="fleet-name">
              <strong>{one.agent_id}</strong>
              <span className="status bad">
                <span aria-hidden="true">✕</span> refused
              </span>
              <span className="faint">
                {one.agent_type} on {one.hostname}, version {one.version}, key {one.key_id}
              </span>
            </p>
            <p className="fleet-long">
              {one.message}{" "}
              <a href={`/docs/errors/${one.code}`} target="_blank" rel="noreferrer">
                {one.code}
              </a>
            </p>
            <p className="faint">
              {one.times === 1 ? "Once, " : `${one.times} times, last `}
              <Time at={one.last_at} />
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
