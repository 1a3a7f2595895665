import { useSuspenseQuery } from "@tanstack/react-query";

import { api, held } from "../../api/client";
import { whoami } from "../../api/queries";
import { Hosts } from "../../parts/Status";
import { Confirm } from "../../parts/Confirm";
import type { Agent } from "./read";
import { onlyReachedBy } from "./state";

/** What a person may tell an agent to do. */
export function Orders({ agent, all }: { agent: Agent; all: Agent[] }) {
  const { data: me } = useSuspenseQuery(whoami);
  if (!me.permissions.includes("agents.order")) return null;
  const id = agent.agent_id;
  const call = (words: string) => ({ params: { path: { id } }, body: words === "" ? null : { reason: words } });
  const why = "Why (for the records, and for whoever waits)";
  if (agent.desired !== "active") {
    return (
      <Confirm
        trigger="Resume"
        quiet={false}
        danger={false}
        title={`Let ${id} take work again?`}
        effect={`Resume ${id}`}
        doing="Resuming"
        reason={why}
        act={(_, words) => held(api.POST("/agents/{id}/resume", call(words)))}
      >
        <p>What waits for it may begin at once.</p>
        {!agent.alive && (
          <p>It is not heard at this moment: whoever runs it has to start it before it can take anything.</p>
        )}
      </Confirm>
    );
  }
  const goOn = running(agent);
  return (
    <>
      <Confirm
        trigger="Pause"
        quiet={false}
        danger={false}
        title={`Have ${id} take no more work?`}
        effect={`Pause ${id}`}
        doing="Pausing"
        reason={why}
        act={(_, words) => held(api.POST("/agents/{id}/pause", call(words)))}
      >
        <p>
          {goOn === 0 ? "It runs nothing at this moment." : `What it runs goes on (${tasks(goOn)}).`} It begins nothing
          new until somebody resumes it, also after a restart. What was offered to it and has not begun goes to another
          agent.
        </p>
        <Alone agent={agent} all={all} />
      </Confirm>
      <Confirm
        trigger="Drain"
        quiet={false}
        danger={false}
        title={`Have ${id} finish and end?`}
        effect={`Drain ${id}`}
        doing="Draining"
        reason={why}
        act={(_, words) => held(api.POST("/agents/{id}/drain", call(words)))}
      >
        <p>
          It takes no more work, {goOn === 0 ? "" : `finishes what it runs (${tasks(goOn)}), `}and its process ends. An
          agent of <code>chiffon up</code> stays, and takes nothing. Started again, it takes no work until somebody
          resumes it.
        </p>
        <Alone agent={agent} all={all} />
      </Confirm>
    </>
  );
}

const running = (agent: Agent) => agent.running.length;
const tasks = (count: number) => (count === 1 ? "1 task" : `${count} tasks`);

function Alone({ agent, all }: { agent: Agent; all: Agent[] }) {
  const hosts = onlyReachedBy(agent, all);
  if (hosts.length === 0) return null;
  return (
    <p>
      No other agent that takes work reaches <Hosts names={hosts} />: what is for {hosts.length === 1 ? "it" : "them"}{" "}
      waits meanwhile.
    </p>
  );
}
