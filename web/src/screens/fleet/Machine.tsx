import { useQuery } from "@tanstack/react-query";
import { useMemo, type ReactNode } from "react";

import { api, held } from "../../api/client";
import { LATER } from "../../api/queries";
import { gib, machineOf, type Agent, type Gpu } from "./read";
import { Spark } from "./Spark";

const SAMPLES = 180;

/** What the machine of an agent has, what of it is free, and how that has been. */
export function Machine({ agent, often }: { agent: Agent; often: boolean }) {
  const { cores, cpuPercent, load, memoryFreeMb, memoryTotalMb, gpus, disks } = machineOf(agent);
  const { data } = useQuery({
    queryKey: ["agents", agent.agent_id, "metrics"],
    queryFn: () =>
      held(api.GET("/agents/{id}/metrics", { params: { path: { id: agent.agent_id }, query: { limit: SAMPLES } } })),
    refetchInterval: often ? 5_000 : LATER,
    enabled: agent.alive,
  });
  const samples = useMemo(
    () => (data?.items ?? []).toReversed().map((one) => ({ ...one, moment: Date.parse(one.at) })),
    [data],
  );
  const used = (total: number, free: number) => total - free;
  const gpu = samples.flatMap(({ moment, gpu_percent }) =>
    gpu_percent == null ? [] : [{ at: moment, value: gpu_percent }],
  );
  return (
    <ul className="fleet-machine">
      {cpuPercent !== undefined && (
        <Measure name="CPU" value={`${Math.round(cpuPercent)} %`} more={cpuMore(cores, load)}>
          <Spark
            label="CPU"
            unit="%"
            most={100}
            points={samples.map(({ moment, cpu_percent }) => ({ at: moment, value: cpu_percent }))}
          />
        </Measure>
      )}
      {memoryTotalMb !== undefined && (
        <Measure
          name="Memory"
          value={memoryFreeMb === undefined ? gib(memoryTotalMb) : `${gib(memoryFreeMb)} free`}
          more={memoryFreeMb === undefined ? "" : `of ${gib(memoryTotalMb)}`}
        >
          <Spark
            label="Memory used"
            unit="GiB"
            most={memoryTotalMb / 1024}
            points={samples.map(({ moment, memory_total_mb, memory_available_mb }) => ({
              at: moment,
              value: used(memory_total_mb, memory_available_mb) / 1024,
            }))}
          />
        </Measure>
      )}
      {gpus.map((one, index) => (
        <Measure key={index} name={one.name} value={gpuValue(one)} more={gpuMore(one)}>
          {index === 0 && <Spark label="Busiest GPU" unit="%" most={100} points={gpu} />}
        </Measure>
      ))}
      {disks.map(({ mount, freeGb, totalGb }) => (
        <Measure
          key={mount}
          name={`Disk ${mount}`}
          value={`${Math.round(freeGb)} GiB free`}
          more={`of ${Math.round(totalGb)} GiB`}
        >
          <meter
            min={0}
            max={totalGb}
            value={totalGb - freeGb}
            aria-label={`Disk ${mount}, ${Math.round(((totalGb - freeGb) / Math.max(totalGb, 1)) * 100)} % used`}
          />
        </Measure>
      ))}
    </ul>
  );
}

function Measure({ name, value, more, children }: { name: string; value: string; more: string; children: ReactNode }) {
  return (
    <li>
      <span className="faint">{name}</span>
      <span>
        <strong>{value}</strong> <span className="faint">{more}</span>
      </span>
      {children}
    </li>
  );
}

function cpuMore(cores: number | undefined, load: number | undefined): string {
  const told = [];
  if (cores !== undefined) told.push(cores === 1 ? "of 1 core" : `of ${cores} cores`);
  if (load !== undefined) told.push(`load ${load.toFixed(2)}`);
  return told.join(", ");
}

function gpuValue({ freeMb, usedPercent }: Gpu): string {
  return freeMb === undefined ? `${Math.round(usedPercent ?? 0)} %` : `${gib(freeMb)} free`;
}

function gpuMore({ totalMb, usedPercent, celsius }: Gpu): string {
  const told = [];
  if (totalMb !== undefined) told.push(`of ${gib(totalMb)}`);
  if (usedPercent !== undefined) told.push(`${Math.round(usedPercent)} % busy`);
  if (celsius !== undefined) told.push(`${Math.round(celsius)} °C`);
  return told.join(", ");
}
