import type { Schemas } from "../../api/client";
import { words } from "../../parts/Status";

export type Role = Schemas["Role"];

/** Least first: each may do what those before it may. */
export const ROLES: { name: Role; may: string }[] = [
  { name: "viewer", may: "see everything but secrets" },
  { name: "requester", may: "ask, and change, stop and settle what they asked for" },
  { name: "operator", may: "do so with everybody’s requests, order agents, and replay dead letters" },
  { name: "approver", may: "approve and reject plans" },
  { name: "admin", may: "manage tokens, keys, roles and grants, and purge dead letters" },
];

/** No program ever approves, so that no program has a role that does. */
export const PROGRAM_ROLES: Role[] = ["viewer", "requester", "operator"];

/** Permissions that change something come before those that only show it. */
export function byWeight(one: string, other: string): number {
  return Number(one.endsWith(".read")) - Number(other.endsWith(".read")) || one.localeCompare(other);
}

/** Least first. */
export const RISKS = ["read_only", "low", "medium", "high", "destructive"] as const;

interface Part {
  host?: string | null;
  action?: string | null;
  risk?: string | null;
}

/** For what a role was given, to go on after "for". */
export function reach({ host, action, risk }: Part): string {
  const parts = [
    host == null ? "" : `hosts of ${host}`,
    action == null ? "" : `the action ${action}`,
    risk == null ? "" : `risk up to ${words(risk)}`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}
