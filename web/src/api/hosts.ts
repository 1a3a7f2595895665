import type { Schemas } from "./client";

/** An agent's groups with their hosts, of an inventory that may hold anything. */
export function groupsOf(hosts: unknown): [string, string[]][] {
  if (typeof hosts !== "object" || hosts === null) return [];
  return Object.entries(hosts).map(([group, names]) => [
    group,
    Array.isArray(names) ? names.filter((name): name is string => typeof name === "string") : [],
  ]);
}

/** All hosts that agents reach, by name. */
export function hostsOf(agents: Schemas["AgentView"][]): string[] {
  return Array.from(new Set(agents.flatMap(({ hosts }) => groupsOf(hosts).flatMap(([, names]) => names)))).sort();
}
