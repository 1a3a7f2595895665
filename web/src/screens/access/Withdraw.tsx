import { useQuery, useQueryClient } from "@tanstack/react-query";

import { api, held, type Schemas } from "../../api/client";
import { whoami } from "../../api/queries";
import { Confirm } from "../../parts/Confirm";

export type Approval = Schemas["StandingApproval"];
/** What runs under an approval that was withdrawn, and goes on. */
export type Going = Pick<Schemas["Withdrawn"], "going_on" | "text">;

export const STANDING = ["standing-approvals"];

/** Whose requests it covers, in words. */
export function scope({ scope, requester, origin_kinds }: Approval): string {
  if (scope === "requester") return `what ${requester ?? "one person"} asks for`;
  if (scope === "origin") return `what begins as ${(origin_kinds ?? []).join(" or ")}`;
  if (scope === "any") return "whoever asks";
  return scope;
}

export function Withdraw({ of, onWithdrawn }: { of: Approval; onWithdrawn: (going: Going) => void }) {
  const client = useQueryClient();
  const me = useQuery(whoami).data;
  const needed = me?.name === of.given_by ? "requests.ask" : "approvals.withdraw";
  if (me?.permissions.includes(needed) !== true) return null;
  return (
    <Confirm
      trigger="Withdraw…"
      label={`Withdraw the standing approval for ${of.summary}`}
      quiet={false}
      effect="Withdraw the standing approval"
      doing="Withdrawing it"
      reason="Why (for the records)"
      act={(key, reason) =>
        held(
          api.POST("/standing-approvals/{id}/withdraw", {
            params: { path: { id: of.standing_approval_id }, header: { "Idempotency-Key": key } },
            body: { reason: reason === "" ? null : reason },
          }),
        )
      }
      onDone={(answer) => {
        onWithdrawn(answer as Going);
        void client.invalidateQueries({ queryKey: STANDING });
      }}
    >
      <p>
        “{of.summary}” will wait for an approver again, for {scope(of)}. Nothing new begins under it; what runs under it
        goes on and is named to you.
      </p>
    </Confirm>
  );
}
