import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { Empty } from "../../parts/Page";
import { Status } from "../../parts/Status";
import { Since } from "../../parts/Time";
import { underWay } from "./waiting";

/** Where nobody is waited for: what goes on by itself, and since when. */
export function Idle({ first }: { first: boolean }) {
  const { data } = useQuery(underWay);
  const items = data?.items ?? [];
  if (data === undefined) return null;
  if (!first && items.length === 0) return null;
  const list = (
    <ul className="inbox-running">
      {items.map((item) => (
        <li key={item.request_id}>
          <Status of={item.status} />
          <span className="inbox-running-what">
            <Link to="/requests/$id" params={{ id: item.request_id }} data-row="">
              {item.text === "" ? item.request_id : item.text}
            </Link>
            {item.waiting_for && <span className="faint inbox-clamp">waits for {item.waiting_for.text}</span>}
          </span>
          <span className="faint">
            for <Since at={item.waiting_for?.since ?? item.updated_at} />
          </span>
        </li>
      ))}
    </ul>
  );
  if (!first) {
    return (
      <section className="inbox-group">
        <h2>Goes on by itself</h2>
        {list}
      </section>
    );
  }
  return (
    <Empty title="Nothing waits for you">
      {items.length === 0 ? (
        <p>
          Nothing runs, either. <Link to="/">Ask for something</Link>, or look through{" "}
          <Link to="/requests">all requests</Link>.
        </p>
      ) : (
        <>
          <p>{data.next_cursor ? "At this moment, of what goes on by itself:" : "At this moment goes on by itself:"}</p>
          {list}
        </>
      )}
    </Empty>
  );
}
