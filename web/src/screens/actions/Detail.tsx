import { useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { Schemas } from "../../api/client";
import { whoami } from "../../api/queries";
import { Copy } from "../../parts/Copy";
import { Risk } from "../../parts/Status";
import { Time } from "../../parts/Time";
import { Facts } from "./Facts";
import { Outputs, Parameters } from "./Parameters";
import type { Action } from "./read";

type Left = Schemas["NotOfferedView"];

/** All about one action. */
export function Detail({
  action,
  left,
  known,
  on,
}: {
  action: Action;
  left: Left[];
  known: Set<string>;
  on: string | undefined;
}) {
  return (
    <article className="actions-detail" aria-labelledby="action">
      <header className="actions-section">
        <h2 id="action">{action.title}</h2>
        <p className="row">
          <code>{action.name}</code>
          {action.risk !== "" && <Risk of={action.risk} />}
        </p>
        <p className="actions-long">{action.description}</p>
      </header>
      <Sentences of={action} on={on} />
      <section className="actions-section">
        <h3>What it takes</h3>
        <Parameters schema={action.parameters} />
      </section>
      <Facts action={action} known={known} />
      <Outputs schema={action.outputs} />
      <Versions action={action} />
      {left.length > 0 && <LeftOut all={left} title="Agents that have it and don’t offer it" within />}
      <Aliases action={action} />
    </article>
  );
}

/** Sentences that ask for it, each a link to where one asks. */
function Sentences({ of: { name, examples, title }, on }: { of: Action; on: string | undefined }) {
  const { data: me } = useSuspenseQuery(whoami);
  const first = examples[0];
  const may = me.permissions.includes("requests.ask");
  if (first === undefined) {
    return may ? (
      <p>
        <FormLink name={name} on={on} />
      </p>
    ) : null;
  }
  return (
    <section className="actions-section">
      <h3>Ask for it</h3>
      <p className="faint">
        {may
          ? "Fill in its form, or take one of these sentences and put your own names into it. Nothing changes before somebody approves the plan."
          : "You may look, and not ask. Sentences like these ask for it:"}
      </p>
      {may && (
        <p className="row">
          <FormLink name={name} on={on} />
          <Link to="/" search={{ text: first }} className="button actions-clear" activeProps={{}}>
            Ask to {title.charAt(0).toLowerCase() + title.slice(1)}
          </Link>
        </p>
      )}
      <ul className="actions-sentences">
        {examples.map((sentence) => (
          <li key={sentence}>
            {may ? (
              <Link to="/" search={{ text: sentence }}>
                {sentence}
              </Link>
            ) : (
              sentence
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function FormLink({ name, on }: { name: string; on: string | undefined }) {
  return (
    <Link
      to="/actions/$name"
      params={{ name }}
      search={on === undefined ? {} : { on }}
      className="button actions-ask"
      activeProps={{}}
    >
      Fill in its form{on !== undefined && ` for ${on}`}
    </Link>
  );
}

function Versions({ action: { versions, sha256 } }: { action: Action }) {
  if (versions.length === 0) return null;
  return (
    <section className="actions-section">
      <h3>{versions.length === 1 ? "Content" : `${versions.length} contents: agents differ`}</h3>
      {versions.length > 1 && (
        <p className="actions-note">
          A step takes the content of the agents that reach its hosts; an approval counts for that content only. Bring
          the agents to the same one.
        </p>
      )}
      <ul className="actions-versions">
        {versions.map((one) => (
          <li key={one.sha256}>
            <code title={one.sha256}>{one.sha256.slice(0, 12)}</code> <Copy text={one.sha256} />
            <span className="faint">
              first seen <Time at={one.first_seen_at} /> ·{" "}
              {one.agents.length === 0 ? "no agent has it now" : one.agents.join(", ")}
              {versions.length > 1 && one.sha256 === sha256 && " · new plans use it"}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What agents have and leave out, with the reason. */
export function LeftOut({ all, title, within = false }: { all: Left[]; title: string; within?: boolean }) {
  const Title = within ? "h3" : "h2";
  return (
    <section className="actions-section">
      <Title>{title}</Title>
      <ul className="actions-left">
        {all.map((one) => (
          <li key={`${one.name} ${one.agent_id}`}>
            <p>
              <strong>{one.name}</strong> <span className="faint">on {one.agent_id}</span>
            </p>
            <p>
              {one.reason}{" "}
              <a href={`/docs/errors/${one.code}`} target="_blank" rel="noreferrer">
                {one.code}
              </a>
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Aliases({ action: { aliases } }: { action: Action }) {
  if (aliases.length === 0) return null;
  return (
    <details>
      <summary>Words that it understands</summary>
      <dl className="actions-facts">
        {aliases.map(([word, others]) => (
          <div key={word}>
            <dt className="faint">{word}</dt>
            <dd>{others.join(", ")}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
