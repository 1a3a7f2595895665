import { useQuery } from "@tanstack/react-query";

import { agents } from "../../api/queries";
import { Command } from "../../parts/Copy";
import { Failure } from "../../parts/Failure";
import { Empty, Loading, Page } from "../../parts/Page";
import { AgentCard } from "./AgentCard";
import { Capacity } from "./Capacity";
import "./fleet.css";
import { Join, Listening } from "./Join";
import type { Agent } from "./read";
import { Refused } from "./Refused";
import { Reserved } from "./Reserved";
import { order, stateOf } from "./state";
import { Waits } from "./Waits";

export function Fleet() {
  const { data, error, isPending, refetch } = useQuery(agents);
  const all = data?.items.toSorted(order) ?? [];
  return (
    <Page title="Fleet" aside={all.length > 0 && <p className="faint">{told(all)}</p>}>
      {error !== null && data === undefined && <Failure error={error} again={() => void refetch()} />}
      {isPending && <Loading what="agents" />}
      {data !== undefined && all.length === 0 && <Nobody />}
      <Reserved />
      <Waits />
      <Refused all={data?.refused ?? []} />
      {all.length > 0 && (
        <>
          <div className="fleet-agents">
            {all.map((agent) => (
              <AgentCard key={agent.agent_id} agent={agent} all={all} />
            ))}
          </div>
          <Capacity kinds={Array.from(new Set(all.map(({ agent_type }) => agent_type)))} />
          <details className="fleet-section">
            <summary>Add an agent</summary>
            <Join />
          </details>
        </>
      )}
    </Page>
  );
}

/** `3 agents: 2 available, 1 silent`. */
function told(all: Agent[]): string {
  const counts = new Map<string, number>();
  for (const agent of all) {
    const { word } = stateOf(agent);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const parts = Array.from(counts, ([word, count]) => `${count} ${word}`);
  return `${all.length === 1 ? "1 agent" : `${all.length} agents`}: ${parts.join(", ")}`;
}

function Nobody() {
  return (
    <Empty title="No agent has joined yet">
      <p>Agents run what was approved. Without one, requests are planned as far as that goes, and wait.</p>
      <Listening />
      <p>To try everything on one machine, with agents of its own:</p>
      <Command text="chiffon up" />
      <p>To have an agent on a machine of yours join this Chiffon:</p>
      <Join />
    </Empty>
  );
}
