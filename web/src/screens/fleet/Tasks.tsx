import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { api, held } from "../../api/client";
import { SOON } from "../../api/queries";
import { Hosts } from "../../parts/Status";
import { Since } from "../../parts/Time";

/** What an agent runs at this moment. */
export function Tasks({ ids }: { ids: string[] }) {
  if (ids.length === 0) return <p className="faint">Runs nothing at this moment.</p>;
  return (
    <ul className="fleet-tasks">
      {ids.map((id) => (
        <Task key={id} id={id} />
      ))}
    </ul>
  );
}

function Task({ id }: { id: string }) {
  const { data, error } = useQuery({
    queryKey: ["task", id],
    queryFn: () => held(api.GET("/tasks/{id}", { params: { path: { id } } })),
    refetchInterval: SOON,
  });
  if (data === undefined) {
    return (
      <li className="faint">{error === null ? `Task ${id.slice(-8)}` : `Task ${id.slice(-8)}: ${error.message}`}</li>
    );
  }
  return (
    <li>
      <Link to="/requests/$id" params={{ id: data.request_id }} search={{ view: "run", task: id }}>
        {data.title}
      </Link>
      <span className="fleet-facts">
        <Hosts names={data.hosts} most={4} />
        {data.started_at && (
          <span className="faint">
            for <Since at={data.started_at} />
          </span>
        )}
        {data.purpose !== "apply" && <span className="faint">{data.purpose}</span>}
        {data.message !== "" && <span className="faint fleet-clamp">{data.message}</span>}
      </span>
      {data.progress > 0 && (
        <progress max={100} value={data.progress} aria-label={`${data.title}: ${data.progress} %`} />
      )}
    </li>
  );
}
