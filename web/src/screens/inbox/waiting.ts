import { useQueries, useQuery, useSuspenseQuery } from "@tanstack/react-query";

import { api, held } from "../../api/client";
import { request, waiting, whoami } from "../../api/queries";
import { kindOf, oldestFirst, sinceOf, type Waiting } from "./sort";

/** Of so many requests the whole is looked at: who waits longest first. */
const WHOLE = 40;
const UNDER_WAY = "planning,discovering,previewing,running,paused";

export function useWaiting() {
  const { data: me } = useSuspenseQuery(whoami);
  const list = useQuery(waiting);
  // They come newest first.
  const oldest = (list.data?.items ?? []).filter((item) => kindOf(item, undefined, me) !== "others").slice(-WHOLE);
  const wholes = useQueries({
    queries: oldest.map((item) => ({
      ...request(item.request_id),
      // Once for each state of it: it changes with `updated_at`.
      queryKey: ["request", item.request_id, "as of", item.updated_at],
      staleTime: Infinity,
    })),
  });
  const whole = new Map(wholes.flatMap(({ data }) => (data === undefined ? [] : [[data.request_id, data] as const])));
  const all: Waiting[] = (list.data?.items ?? []).map((item) => {
    const seen = whole.get(item.request_id);
    return { item, whole: seen, kind: kindOf(item, seen, me), since: sinceOf(item) };
  });
  return { list, all: all.sort(oldestFirst), cut: list.data?.next_cursor != null, me };
}

/** What goes on by itself at this moment. */
export const underWay = {
  queryKey: ["requests", "under way"],
  queryFn: () => held(api.GET("/requests", { params: { query: { status: UNDER_WAY, limit: 20 } } })),
  refetchInterval: 3_000,
};
