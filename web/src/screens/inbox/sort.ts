import type { Schemas } from "../../api/client";

export type Summary = Schemas["RequestSummary"];
/** What is looked at of the whole of a request. */
export interface Answer {
  request_id: string;
  next: string[];
  deadline?: string | null;
  plan?: { risk: string; summary: string; expires_at?: string | null; steps: unknown[]; policy: unknown } | null;
}
type Me = Schemas["WhoAmI"];

export type Kind = "approve" | "answer" | "decide" | "theirs" | "others";

/** What waits, with as much of it as is known by now. */
export interface Waiting {
  item: Summary;
  whole: Answer | undefined;
  kind: Kind;
  since: string;
}

/** Since when it waits. */
export function sinceOf(item: Summary): string {
  return item.waiting_for?.since ?? item.updated_at;
}

function isMine(item: Summary, me: Me): boolean {
  return item.origin.kind === "person" ? item.origin.id === me.principal_id : item.requested_by === me.name;
}

/**
 * Whose turn it is. What the caller may do with a request stands in its `next`; until that is known, their permissions say it.
 */
export function kindOf(item: Summary, whole: Answer | undefined, me: Me): Kind {
  const mine = isMine(item, me);
  const may = (call: string, permission: string) =>
    whole === undefined ? me.permissions.includes(permission) : whole.next.includes(call);
  switch (item.status) {
    case "awaiting_approval":
      if (may("approve", "requests.approve")) return "approve";
      return mine ? "theirs" : "others";
    case "needs_input":
      return mine ? "answer" : "others";
    default:
      return mine || may("resolve", "requests.manage") ? "decide" : "others";
  }
}

/** The hosts that a plan's steps touch. */
export function hostsOf(whole: Answer | undefined): string[] {
  const steps = whole?.plan?.steps ?? [];
  const names = steps.flatMap((step) => {
    const { hosts } = step as { hosts?: unknown };
    return Array.isArray(hosts) ? hosts.filter((name): name is string => typeof name === "string") : [];
  });
  return Array.from(new Set(names));
}

/** Whether one approver is not enough. */
export function needsSeveral(whole: Answer | undefined): boolean {
  const { approvals_needed: needed } = (whole?.plan?.policy ?? {}) as { approvals_needed?: unknown };
  return typeof needed === "number" && needed > 1;
}

/** Who waits longest comes first. */
export function oldestFirst(one: Waiting, other: Waiting): number {
  return Date.parse(one.since) - Date.parse(other.since);
}
