import type { Schemas } from "../../../api/client";
import { Since, Time } from "../../../parts/Time";
import { isOver, nowOf } from "./moment";

/** What happens at this moment, and how long already. */
export function Now({ request }: { request: Schemas["RequestAnswer"] }) {
  const { text, since } = nowOf(request);
  return (
    <span className="now">
      {text}{" "}
      {isOver(request.status) ? (
        <Time at={since} />
      ) : (
        <span className="faint">
          since <Since at={since} />
        </span>
      )}
    </span>
  );
}
