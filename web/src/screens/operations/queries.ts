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

export const reserved = queryOptions({
  queryKey: ["hosts", "reserved"],
  queryFn: () => held(api.GET("/hosts/reserved")),
  refetchInterval: SOON,
});
