import { useQuery } from "@tanstack/react-query";

import { actions, agents } from "../../api/queries";
import { Failure } from "../../parts/Failure";
import { Empty, Loading } from "../../parts/Page";
import { Command } from "../../parts/Copy";
import { Risk } from "../../parts/Status";
import { examplesOf, hostsOf } from "./examples";

/** Sentences that work here, for who has not asked anything yet. */
export function Starts({ pick, first }: { pick: (sentence: string) => void; first: boolean }) {
  const catalogue = useQuery(actions);
  const fleet = useQuery(agents);
  const error = catalogue.error ?? fleet.error;
  if (catalogue.data === undefined || fleet.data === undefined)
    return error === null ? <Loading what="examples" /> : <Failure error={error} />;
  const examples = examplesOf(catalogue.data.items, fleet.data.items);
  if (examples.length === 0) return <Nothing hasHosts={hostsOf(fleet.data.items).length > 0} />;
  return (
    <section className="ask-starts" aria-labelledby="ask-starts">
      <h2 id="ask-starts">{first ? "Begin with one of these" : "For example"}</h2>
      <ul>
        {examples.map(({ sentence, risk }) => (
          <li key={sentence}>
            <button type="button" onClick={() => pick(sentence)}>
              <span>{sentence}</span>
              <Risk of={risk} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Nothing({ hasHosts }: { hasHosts: boolean }) {
  return (
    <Empty title={hasHosts ? "No agent offers an action" : "No agent knows a host yet"}>
      <p>
        {hasHosts
          ? "Nothing can be planned until an agent with actions is there. What agents are there, and what they say:"
          : "An agent with an inventory has to be running before something can be planned. What agents are there:"}
      </p>
      <Command text="chiffon agents" />
    </Empty>
  );
}
