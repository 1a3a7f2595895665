import { queryOptions } from "@tanstack/react-query";

import { api, held } from "../../api/client";
import { SOON } from "../../api/queries";

const SHOWN = 10;

/** What somebody has asked lately. */
export const recent = (who: string) =>
  queryOptions({
    queryKey: ["requests", "recent", who],
    queryFn: () => held(api.GET("/requests", { params: { query: { who, limit: SHOWN } } })),
    refetchInterval: SOON,
  });
