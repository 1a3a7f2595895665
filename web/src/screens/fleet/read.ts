import type { Schemas } from "../../api/client";

export type Agent = Schemas["AgentView"];

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

export interface Gpu {
  name: string;
  freeMb: number | undefined;
  totalMb: number | undefined;
  usedPercent: number | undefined;
  celsius: number | undefined;
}

/** What an agent's newest heartbeat says of its machine. */
export interface Machine {
  cores: number | undefined;
  cpuPercent: number | undefined;
  load: number | undefined;
  memoryFreeMb: number | undefined;
  memoryTotalMb: number | undefined;
  gpus: Gpu[];
  disks: { mount: string; freeGb: number; totalGb: number }[];
  uptimeSeconds: number | undefined;
}

export function machineOf(agent: Agent): Machine {
  const heartbeat = fields(agent.heartbeat);
  const cpu = fields(heartbeat.cpu);
  const memory = fields(heartbeat.memory);
  const all = fields(agent.resources);
  const allGb = number(all.memory_gb);
  return {
    cores: number(cpu.cores) ?? number(all.cpu_cores),
    cpuPercent: number(cpu.used_percent),
    load: number(cpu.load_1m),
    memoryFreeMb: number(memory.available_mb),
    memoryTotalMb: number(memory.total_mb) ?? (allGb === undefined ? undefined : allGb * 1024),
    gpus: list(heartbeat.gpus).map((gpu) => {
      const of = fields(gpu);
      return {
        name: text(of.name) ?? "GPU",
        freeMb: number(of.memory_free_mb),
        totalMb: number(of.memory_total_mb),
        usedPercent: number(of.used_percent),
        celsius: number(of.temperature_c),
      };
    }),
    disks: list(heartbeat.disks).flatMap((disk) => {
      const of = fields(disk);
      const [mount, freeGb, totalGb] = [text(of.mount), number(of.free_gb), number(of.total_gb)];
      return mount === undefined || freeGb === undefined || totalGb === undefined ? [] : [{ mount, freeGb, totalGb }];
    }),
    uptimeSeconds: number(heartbeat.uptime_seconds),
  };
}

export interface NotOffered {
  name: string;
  code: number | undefined;
  reason: string;
}

/** The actions that an agent has and leaves out. */
export function notOfferedOf(agent: Agent): NotOffered[] {
  return list(agent.not_offered).map((one) => {
    const of = fields(one);
    return {
      name: text(of.name) ?? "an action",
      code: number(of.code),
      reason: text(of.reason) ?? "It gives no reason.",
    };
  });
}

export function problemsOf(agent: Agent): string[] {
  return list(agent.problems).map((problem) => text(problem) ?? JSON.stringify(problem));
}

export function labelsOf(agent: Agent): [string, string][] {
  return Object.entries(fields(agent.labels)).map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
}

/** `22.8 GiB`, of MiB. */
export function gib(mb: number): string {
  return `${(mb / 1024).toFixed(mb < 10_240 ? 1 : 0)} GiB`;
}
