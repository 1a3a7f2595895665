import { useState } from "react";

import { Command, Copy } from "../../parts/Copy";
import { Since } from "../../parts/Time";

const AGENT_TOML = `[bus]
url_file = "/etc/chiffon/amqp.url"

[orchestrator]
public_key = "ed25519:…"   # chiffon key show FILE, on the orchestrator

[agent]
data_dir = "/var/lib/chiffon/agent"
key_file = "/etc/chiffon/agent.key"

[agent.infrastructure]     # not for a desktop agent
playbooks = "/usr/share/chiffon/playbooks"
inventory = "/etc/chiffon/inventory.yml"`;

const TRUST_TOML = `[agents]
trusted = ["ed25519:…"]`;

/** How an agent joins, step by step. */
export function Join() {
  return (
    <ol className="fleet-join">
      <li>
        <p>On the agent’s machine, make its key. It prints the public half:</p>
        <Command text="chiffon key new /etc/chiffon/agent.key" />
      </li>
      <li>
        <p>
          Let the orchestrator trust it, in its <code>/etc/chiffon/chiffon.toml</code>, and start it again:
        </p>
        <pre>{TRUST_TOML}</pre>
        <Copy text={TRUST_TOML} />
      </li>
      <li>
        <p>
          On the agent’s machine, in its <code>/etc/chiffon/chiffon.toml</code>:
        </p>
        <pre>{AGENT_TOML}</pre>
        <Copy text={AGENT_TOML} />
      </li>
      <li>
        <p>Start it there; for a machine whose own resources count, the second:</p>
        <div className="row">
          <Command text="chiffon agent infrastructure" />
          <Command text="chiffon agent desktop" />
        </div>
      </li>
    </ol>
  );
}

/** While nobody has joined yet. */
export function Listening() {
  const [since] = useState(() => new Date().toISOString());
  return (
    <p role="status">
      <span className="status works">
        <span aria-hidden="true">●</span> listening
      </span>{" "}
      <span aria-live="off">
        Waiting for the first heartbeat, for <Since at={since} />. It shows up here by itself.
      </span>
    </p>
  );
}
