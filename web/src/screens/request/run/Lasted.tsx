import { duration, Since } from "../../../parts/Time";
import { secondsBetween } from "./read";

/** How long something took, or has taken by now. */
export function Lasted({ from, to }: { from: string; to: string | null | undefined }) {
  if (typeof to !== "string") return <Since at={from} />;
  return (
    <span title={`${new Date(from).toLocaleString()} to ${new Date(to).toLocaleString()}`}>
      {duration(secondsBetween(from, to))}
    </span>
  );
}
