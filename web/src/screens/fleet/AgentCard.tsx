import { Link } from "@tanstack/react-router";

import { duration, Since, Time } from "../../parts/Time";
import { groupsOf } from "../../api/hosts";
import { Machine } from "./Machine";
import { Orders } from "./Orders";
import { labelsOf, machineOf, notOfferedOf, problemsOf, type Agent } from "./read";
import { stateOf } from "./state";
import { Tasks } from "./Tasks";

export function AgentCard({ agent, all }: { agent: Agent; all: Agent[] }) {
  const state = stateOf(agent);
  const title = `agent-${agent.agent_id}`;
  return (
    <article className="card fleet-agent" aria-labelledby={title}>
      <header className="fleet-head">
        <div className="fleet-name">
          <h2 id={title}>{agent.agent_id}</h2>
          <span className={`status ${state.mood}`}>
            <span aria-hidden="true">{state.sign}</span> {state.word}
          </span>
        </div>
        <div className="row">
          <Orders agent={agent} all={all} />
        </div>
      </header>
      <Facts agent={agent} />
      <Notes agent={agent} />
      {(agent.alive || agent.running.length > 0) && <Tasks ids={agent.running} />}
      {!agent.alive && <p className="faint">Its machine, as it was when it was last heard:</p>}
      <Machine agent={agent} often={all.length <= 6} />
      <Reaches agent={agent} />
      <Offers agent={agent} />
    </article>
  );
}

function Facts({ agent }: { agent: Agent }) {
  const { uptimeSeconds } = machineOf(agent);
  return (
    <p className="fleet-facts faint">
      <span>{agent.agent_type}</span>
      <span>on {agent.hostname}</span>
      <span>version {agent.version}</span>
      <span>
        heard <Time at={agent.last_seen_at} />
      </span>
      {agent.alive && uptimeSeconds !== undefined && <span>up for {duration(uptimeSeconds)}</span>}
      {labelsOf(agent)
        .filter(([name, value]) => !(name === "hostname" && value === agent.hostname))
        .map(([name, value]) => (
          <span key={name} className="chip">
            {name}={value}
          </span>
        ))}
    </p>
  );
}

/** What somebody should know of it. */
function Notes({ agent }: { agent: Agent }) {
  const problems = problemsOf(agent);
  return (
    <>
      {!agent.alive && agent.desired !== "drained" && (
        <p className="fleet-note bad">
          Not heard for <Since at={agent.last_seen_at} />: what it ran is unknown until it comes back, and keeps its
          hosts. Look whether <code>chiffon agent {agent.agent_type}</code> runs on {agent.hostname}, and what its log
          says.
        </p>
      )}
      {agent.desired !== "active" && agent.desired_at && (
        <p className="fleet-note asks">
          {agent.desired === "paused" ? "Paused" : "Drained"} by {agent.desired_by ?? "somebody"}{" "}
          <Time at={agent.desired_at} />
          {agent.desired_reason !== "" && <>: {agent.desired_reason}</>}.
          {agent.ends && " Its process ends once it is done."}
        </p>
      )}
      {agent.left_alone != null && <p className="fleet-note asks">Gets no work: {agent.left_alone}</p>}
      {problems.map((problem) => (
        <p key={problem} className="fleet-note bad">
          {problem}
        </p>
      ))}
    </>
  );
}

/** Groups of a whole inventory that say nothing more when there are others. */
const WHOLE = new Set(["all", "ungrouped"]);

function Reaches({ agent }: { agent: Agent }) {
  const groups = groupsOf(agent.hosts).filter(([, names]) => names.length > 0);
  const named = groups.filter(([group]) => !WHOLE.has(group));
  const whole = groups.find(([group]) => group === "all")?.[1] ?? [];
  const loose = whole.filter((host) => !named.some(([, names]) => names.includes(host)));
  const shown: [string, string[]][] =
    named.length === 0
      ? groups.filter(([group]) => group === "all")
      : loose.length > 0
        ? [...named, ["in no group", loose]]
        : named;
  if (shown.length === 0) return null;
  return (
    <dl className="fleet-reaches">
      {shown.map(([group, names]) => (
        <div key={group}>
          <dt className="faint">
            {group === "all" ? "hosts" : group} <span className="number">({names.length})</span>
          </dt>
          <dd>
            <Places names={names} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** So many hosts of a group are named one by one. */
const MOST = 12;

/** Hosts, each with the way to what can be run there. */
function Places({ names }: { names: string[] }) {
  return (
    <span className="hosts">
      {names.slice(0, MOST).map((name) => (
        <Link
          key={name}
          to="/actions"
          search={{ on: name }}
          className="chip fleet-host"
          title={`Run an action on ${name}`}
        >
          <span className="visually-hidden">Run an action on </span>
          {name}
        </Link>
      ))}
      {names.length > MOST && (
        <span className="chip" title={names.join(", ")}>
          and {names.length - MOST} more
        </span>
      )}
    </span>
  );
}

function Offers({ agent }: { agent: Agent }) {
  const left = notOfferedOf(agent);
  const offered = agent.actions;
  if (offered.length === 0 && left.length === 0) return null;
  return (
    <>
      {left.length > 0 && (
        <details className="fleet-left" open={left.length <= 3}>
          <summary>{left.length === 1 ? "1 action is not offered" : `${left.length} actions are not offered`}</summary>
          <ul>
            {left.map(({ name, code, reason }) => (
              <li key={name}>
                <strong>{name}</strong>: {reason}{" "}
                {code !== undefined && (
                  <a href={`/docs/errors/${code}`} target="_blank" rel="noreferrer">
                    {code}
                  </a>
                )}
              </li>
            ))}
          </ul>
        </details>
      )}
      {offered.length > 0 && (
        <details>
          <summary>{offered.length === 1 ? "Offers 1 action" : `Offers ${offered.length} actions`}</summary>
          <ul className="fleet-offers">
            {offered.map((name) => (
              <li key={name}>
                <Link to="/actions" search={{ name }}>
                  {name}
                </Link>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
