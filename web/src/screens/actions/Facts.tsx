import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { words } from "../../parts/Status";
import { duration } from "../../parts/Time";
import type { Action } from "./read";

const CHECKS: Record<string, string> = {
  full: "shows all that would change",
  partial: "shows part of what would change",
  none: "none: what it would change is seen only when it runs",
};
const AGAIN: Record<string, string> = {
  yes: "yes, by itself",
  check_first: "only after somebody has looked",
  no: "no: somebody decides",
};
const RIGHTS: Record<string, string> = { become: "becomes root on the host (sudo)", none: "as the user that connects" };

/** What one should know before asking for it. */
export function Facts({ action, known }: { action: Action; known: Set<string> }) {
  const {
    check,
    undo,
    irreversible,
    risk,
    repeatable,
    timeoutSeconds,
    agentType,
    privilege,
    needs,
    runsWith,
    ownCode,
  } = action;
  return (
    <dl className="actions-facts">
      {risk !== "read_only" && <Fact name="Preview">{CHECKS[check] ?? words(check)}</Fact>}
      {risk !== "read_only" && (
        <Fact name="Taken back">
          {undo === undefined ? (
            irreversible || "no action takes it back"
          ) : known.has(undo) ? (
            <>
              by{" "}
              <Link to="/actions" search={{ name: undo }}>
                {undo}
              </Link>
            </>
          ) : (
            `by ${undo}, which no agent offers at this moment`
          )}
        </Fact>
      )}
      <Fact name="Run by">{agentType} agents</Fact>
      {needs.length > 0 && <Fact name="Needs">{needs.join(", ")}</Fact>}
      {privilege !== "" && <Fact name="Rights">{RIGHTS[privilege] ?? privilege}</Fact>}
      {timeoutSeconds !== undefined && <Fact name="At most">{duration(timeoutSeconds)}</Fact>}
      {repeatable !== "" && <Fact name="Tried again if cut off">{AGAIN[repeatable] ?? words(repeatable)}</Fact>}
      {runsWith.length > 0 && <Fact name="Runs with">{runsWith.map((one) => one.join(" ")).join(", ")}</Fact>}
      {ownCode.length > 0 && <Fact name="Code of its own">{ownCode.join(", ")}</Fact>}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="faint">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
