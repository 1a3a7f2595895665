import type { Schemas } from "../../../../api/client";
import { policyOf, type Plan } from "../plan/step";

const APPROVE = "requests.approve";

/** Why somebody may not approve a plan, in words; nothing where that is not known. */
export function whyNot(
  request: Schemas["RequestAnswer"],
  plan: Plan,
  me: Schemas["WhoAmI"] | undefined,
): string | undefined {
  if (me === undefined) return undefined;
  if (plan.approvals.some(({ by, decision }) => by === me.name && decision === "approve"))
    return "you have approved it; somebody else has to, too";
  if (!me.permissions.includes(APPROVE))
    return `you may not approve: that needs the permission ${APPROVE}, which your role ${me.role} does not have`;
  if (me.narrow)
    return "you came by a link that was for another plan than this one: sign in to decide about it, or open the link of its own notification";
  if (me.program) return "you may not approve: a program never may";
  if (!policyOf(plan).selfApproval && request.requested_by === me.name)
    return "you may not approve: you asked for it, and the policy wants somebody else’s word";
  return "you can’t approve it now";
}
