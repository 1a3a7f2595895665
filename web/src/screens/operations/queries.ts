import { queryOptions } from "@tanstack/react-query";

import { api, held } from "../../api/client";
import { SOON } from "../../api/queries";

export const health = queryOptions({
  queryKey: ["health"],
  queryFn: () => held(api.GET("/health")),
  refetchInterval: SOON,
});

export const background = queryOptions({
  queryKey: ["background"],
  queryFn: () => held(api.GET("/background")),
  refetchInterval: SOON,
});

export const webhooks = queryOptions({
  queryKey: ["webhooks"],
  queryFn: () => held(api.GET("/webhooks")),
  refetchInterval: SOON,
});

export const channels = queryOptions({
  queryKey: ["notifications", "channels"],
  queryFn: () => held(api.GET("/notifications/channels")),
  refetchInterval: SOON,
});

/** The newest. */
export const notices = queryOptions({
  queryKey: ["notifications", "lately"],
  queryFn: () => held(api.GET("/notifications", { params: { query: { limit: 20 } } })),
  refetchInterval: SOON,
});

export const reserved = queryOptions({
  queryKey: ["hosts", "reserved"],
  queryFn: () => held(api.GET("/hosts/reserved")),
  refetchInterval: SOON,
});
