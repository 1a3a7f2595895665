import { queryOptions } from "@tanstack/react-query";

import { api, held } from "./client";

/** Lists are looked at again this often while somebody sees them. */
export const SOON = 3_000;
/** What changes seldom. */
export const LATER = 15_000;

export const whoami = queryOptions({
  queryKey: ["whoami"],
  queryFn: () => held(api.GET("/whoami")),
  staleTime: Infinity,
  retry: false,
});

/** Everything that one may do here. */
export const permissions = queryOptions({
  queryKey: ["permissions"],
  queryFn: () => held(api.GET("/permissions")),
  staleTime: Infinity,
});

export const request = (id: string) =>
  queryOptions({
    queryKey: ["request", id],
    queryFn: () => held(api.GET("/request/{id}", { params: { path: { id } } })),
  });

export const agents = queryOptions({
  queryKey: ["agents"],
  queryFn: () => held(api.GET("/agents")),
  refetchInterval: SOON,
});

export const actions = queryOptions({
  queryKey: ["actions"],
  queryFn: () => held(api.GET("/actions")),
  refetchInterval: LATER,
});

export const waiting = queryOptions({
  queryKey: ["requests", "waiting"],
  queryFn: () =>
    held(
      api.GET("/requests", {
        params: { query: { status: "awaiting_approval,needs_input,needs_attention", limit: 100 } },
      }),
    ),
  refetchInterval: SOON,
});
