import { Link } from "@tanstack/react-router";

import { Risk } from "../../parts/Status";
import { useRows } from "../../parts/rows";
import type { Action } from "./read";

/** The catalogue, by risk and name as it comes. */
export function List({ all, chosen }: { all: Action[]; chosen: string | undefined }) {
  useRows("action");
  return (
    <ul className="actions-list" aria-label="Actions">
      {all.map((action) => (
        <li key={action.name}>
          <Link
            to="/actions"
            search={(now) => ({ ...now, name: action.name })}
            className="actions-item"
            activeProps={{}}
            aria-current={action.name === chosen ? "true" : undefined}
            data-row=""
            resetScroll={false}
          >
            <span className="actions-item-head">
              <strong>{action.title}</strong>
              {action.risk !== "" && <Risk of={action.risk} />}
            </span>
            <span className="actions-item-text faint">{action.description}</span>
            <span className="actions-item-facts faint">
              {traits(action).map((trait) => (
                <span key={trait}>{trait}</span>
              ))}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** In a few words: how much is seen before, whether it can be taken back, what it needs, whether agents differ. */
function traits({ check, risk, undo, needs, versions }: Action): string[] {
  const told: string[] = [];
  if (risk !== "read_only") {
    told.push(check === "full" ? "full preview" : check === "none" ? "no preview" : `${check} preview`);
    told.push(undo === undefined ? "no undo" : `undo: ${undo}`);
  }
  told.push(...needs);
  if (versions.length > 1) told.push("agents differ");
  return told;
}
