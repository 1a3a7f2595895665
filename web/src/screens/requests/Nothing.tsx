import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { actions } from "../../api/queries";
import { Empty } from "../../parts/Page";
import { Command } from "../../parts/Copy";
import { told, type Filters } from "./filters";

/** Where the list is empty: how to ask, or which filters leave nothing. */
export function Nothing({ filters }: { filters: Filters }) {
  const set = told(filters);
  if (set.length === 0) return <NobodyAsked />;
  return (
    <Empty title="No request fits">
      <p className="requests-long">Looked for: {set.map(({ words: text }) => text).join(", ")}.</p>
      {(filters.host ?? filters.action ?? filters.who ?? filters.text) !== undefined && (
        <p className="faint">
          Names of hosts, actions and people count whole; words count each as a whole word, in any order.
        </p>
      )}
      <p>
        <Link to="/requests" search={{}} className="button requests-clear" activeProps={{}}>
          Clear {set.length === 1 ? "this filter" : `these ${set.length} filters`}
        </Link>
      </p>
    </Empty>
  );
}

function NobodyAsked() {
  const { data } = useQuery(actions);
  const sentences = (data?.items ?? []).flatMap((action) => firstSentence(action)).slice(0, 4);
  return (
    <Empty title="Nothing has been asked for yet">
      <p>
        Say in plain words what should change. You see a plan with its risk and a real preview, and nothing changes
        before somebody approves it.
      </p>
      {sentences.length > 0 && (
        <ul className="requests-sentences">
          {sentences.map((sentence) => (
            <li key={sentence}>
              <Link to="/" search={{ text: sentence }}>
                {sentence}
              </Link>
            </li>
          ))}
        </ul>
      )}
      <p className="faint requests-command">
        Or at a terminal: <Command text={`chiffon request "${sentences[0] ?? "…"}"`} />
      </p>
    </Empty>
  );
}

function firstSentence(action: unknown): string[] {
  const { examples } = action as { examples?: unknown };
  const first: unknown = Array.isArray(examples) ? examples[0] : undefined;
  return typeof first === "string" ? [first] : [];
}
