import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { api, held } from "../../api/client";
import { SOON } from "../../api/queries";
import { Since } from "../../parts/Time";
import { UNDER_WAY } from "../requests/filters";

/** What waits that an agent or a host would set going. */
const OF_FLEET = new Set(["agent", "action", "host", "resources", "claim", "route"]);

/** Work that has nobody or nothing to run on, and why. */
export function Waits() {
  const { data } = useQuery({
    queryKey: ["requests", "of the fleet"],
    queryFn: () => held(api.GET("/requests", { params: { query: { status: UNDER_WAY, limit: 200 } } })),
    refetchInterval: SOON,
  });
  const waiting = (data?.items ?? []).flatMap((item) =>
    item.waiting_for && OF_FLEET.has(item.waiting_for.what) ? [{ item, waits: item.waiting_for }] : [],
  );
  if (waiting.length === 0) return null;
  waiting.sort((one, other) => Date.parse(one.waits.since) - Date.parse(other.waits.since));
  return (
    <section className="fleet-section">
      <h2>Work that waits for the fleet</h2>
      <ul className="fleet-waits">
        {waiting.map(({ item, waits }) => (
          <li key={item.request_id}>
            <Link to="/requests/$id" params={{ id: item.request_id }} className="fleet-clamp">
              {item.text === "" ? item.request_id : item.text}
            </Link>
            <span className="fleet-long">
              <span className="chip">{waits.what}</span> {waits.text}
            </span>
            <span className="faint">
              for <Since at={waits.since} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
