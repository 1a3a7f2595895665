import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, held, type Schemas } from "../../api/client";
import { SOON } from "../../api/queries";
import { Failure } from "../../parts/Failure";

interface Needs {
  agent_type?: string;
  gpu?: boolean;
  memory_gb?: number;
  gpu_memory_gb?: number;
  cpu_cores?: number;
}

/** Who could take work with such needs, at this moment. */
export function Capacity({ kinds }: { kinds: string[] }) {
  const [needs, setNeeds] = useState<Needs>();
  const { data, error } = useQuery({
    queryKey: ["agents", "capacity", needs],
    queryFn: () => held(api.GET("/agents/capacity", { params: { query: needs ?? {} } })),
    enabled: needs !== undefined,
    refetchInterval: SOON,
  });
  return (
    <section className="fleet-section">
      <h2>Who could take work that needs …</h2>
      <form
        className="fleet-capacity"
        onSubmit={(event) => {
          event.preventDefault();
          setNeeds(needsOf(new FormData(event.currentTarget)));
        }}
      >
        <label>
          Memory, GiB
          <input name="memory_gb" type="number" min="0" step="any" inputMode="decimal" placeholder="any" />
        </label>
        <label>
          Cores
          <input name="cpu_cores" type="number" min="0" step="any" inputMode="decimal" placeholder="any" />
        </label>
        <label>
          GPU memory, GiB
          <input name="gpu_memory_gb" type="number" min="0" step="any" inputMode="decimal" placeholder="any" />
        </label>
        <label>
          Kind of agent
          <select name="agent_type">
            <option value="">any</option>
            {kinds.map((kind) => (
              <option key={kind}>{kind}</option>
            ))}
          </select>
        </label>
        <label className="fleet-check">
          <input name="gpu" type="checkbox" /> a GPU
        </label>
        <button type="submit">See who could</button>
      </form>
      {error !== null && <Failure error={error} />}
      {data !== undefined && needs !== undefined && <Answers all={data.items} />}
    </section>
  );
}

function needsOf(form: FormData): Needs {
  const needs: Needs = {};
  const kind = form.get("agent_type");
  if (typeof kind === "string" && kind !== "") needs.agent_type = kind;
  if (form.get("gpu") !== null) needs.gpu = true;
  for (const name of ["memory_gb", "cpu_cores", "gpu_memory_gb"] as const) {
    const value = form.get(name);
    if (typeof value === "string" && value !== "") needs[name] = Number(value);
  }
  return needs;
}

function Answers({ all }: { all: Schemas["CapacityAnswer"][] }) {
  const could = all.filter(({ fits }) => fits).length;
  return (
    <div role="status">
      <p>
        {could === 0
          ? "Nobody could take it now."
          : could === 1
            ? "One could take it now."
            : `${could} could take it now.`}
      </p>
      <ul className="fleet-answers">
        {[...all.filter(({ fits }) => fits), ...all.filter(({ fits }) => !fits)].map((one) => (
          <li key={one.agent_id}>
            <span className={one.fits ? "status good" : "status"}>
              <span aria-hidden="true">{one.fits ? "✓" : "–"}</span> {one.fits ? "could" : "could not"}
            </span>
            <span className="fleet-long">
              <strong>{one.agent_id}</strong> <span className="faint">{one.reason ?? free(one)}</span>
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What it has left, of what it has said. */
function free({ free: left }: Schemas["CapacityAnswer"]): string {
  const told = [];
  if (left.memory_gb != null) told.push(`${left.memory_gb.toFixed(1)} GiB of memory`);
  if (left.cpu_cores != null) told.push(`${left.cpu_cores} cores`);
  if (left.gpu === true && left.gpu_memory_gb != null) told.push(`${left.gpu_memory_gb.toFixed(1)} GiB on a GPU`);
  return told.length === 0 ? "" : `free: ${told.join(", ")}`;
}
