import { Unreachable } from "../../../../api/problem";
import { Failure } from "../../../../parts/Failure";
import "./decide.css";

/** Why something that somebody did has not worked, and whether it may be done again. */
export function Trouble({ error }: { error: unknown }) {
  return (
    <div className="trouble">
      <Failure error={error} />
      {error instanceof Unreachable && (
        <p>Whether this has arrived is not known. Press again once Chiffon answers: it is done only once.</p>
      )}
    </div>
  );
}
