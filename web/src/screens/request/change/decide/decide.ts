import { useQueryClient } from "@tanstack/react-query";

import { useDoing } from "../../../../api/doing";
import { api, held, type Schemas } from "../../../../api/client";
import { forgetDraft } from "../../../../parts/draft";
import { lookAgain, useMeant } from "./meant";

/** A decision about the plan with this hash, and about no other. */
export interface Word {
  decision: Schemas["Decision"];
  sha256: string;
  comment?: string;
  /** Steps that an approval leaves out. */
  left?: string[];
}

/** Decides about a plan. Whatever comes of it, the request is looked at again. */
export function useDecide(requestId: string, done: (decided: Schemas["Decided"]) => void) {
  const client = useQueryClient();
  const meant = useMeant(`decide ${requestId}`);
  return useDoing({
    mutationFn: (word: Word) =>
      held(
        api.POST("/approve", {
          params: { header: { "Idempotency-Key": meant.keyOf(word) } },
          body: {
            request_id: requestId,
            plan_sha256: word.sha256,
            decision: word.decision,
            comment: word.comment ?? null,
            ...(word.left === undefined ? {} : { left_out: word.left }),
          },
        }),
      ),
    onSettled: (_, error) => {
      meant.settled(error ?? undefined);
      return lookAgain(client, requestId, error);
    },
    onSuccess: (decided, { decision }) => {
      forgetDraft(`${decision} ${requestId}`);
      done(decided);
    },
  });
}
