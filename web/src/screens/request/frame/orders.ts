import { useQueryClient } from "@tanstack/react-query";

import { useDoing } from "../../../api/doing";
import { api, held, type Schemas } from "../../../api/client";
import { lookAgain, useMeant } from "../change/decide/meant";

export type Order = "pause" | "resume" | "cancel";

/** Tells a request to pause, go on or end; the answer says in words what came of it. */
export function useOrder(requestId: string, done: (text: string) => void) {
  const client = useQueryClient();
  const meant = useMeant(`order ${requestId}`);
  return useDoing({
    mutationFn: async ({ order, reason }: { order: Order; reason: string }): Promise<string> => {
      const said = {
        params: { path: { id: requestId }, header: { "Idempotency-Key": meant.keyOf([order, reason]) } },
        body: { reason: reason === "" ? null : reason },
      };
      switch (order) {
        case "pause":
          return (await held(api.POST("/request/{id}/pause", said))).text;
        case "resume":
          return (await held(api.POST("/request/{id}/resume", said))).text;
        case "cancel":
          return (await held(api.POST("/cancel/{id}", said))).text;
      }
    },
    onSettled: (_, error) => {
      meant.settled(error ?? undefined);
      return lookAgain(client, requestId, error);
    },
    onSuccess: done,
  });
}

type Task = Schemas["TaskView"];

/** What the end of a request means for what it has begun. */
export function consequences(tasks: Task[]): { stopped: Task[]; stopping: Task[]; done: Task[] } {
  return {
    stopped: tasks.filter(({ status }) => ["pending", "waiting", "dispatched"].includes(status)),
    stopping: tasks.filter(({ status }) => status === "running"),
    done: tasks.filter(
      ({ status, changed }) => changed === true && !["pending", "waiting", "dispatched", "running"].includes(status),
    ),
  };
}
