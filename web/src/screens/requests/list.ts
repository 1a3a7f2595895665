import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";

import { api, held, type Schemas } from "../../api/client";
import { LATER, SOON } from "../../api/queries";
import { queryOf, type Filters } from "./filters";

export type Summary = Schemas["RequestSummary"];

const PAGE = 50;
/** So many pages are looked at again as often as a list is; more of them seldom. */
const FEW = 2;

export function useRequests(filters: Filters) {
  return useInfiniteQuery({
    queryKey: ["requests", "list", filters],
    queryFn: ({ pageParam }) =>
      held(
        api.GET("/requests", {
          params: {
            query: { ...queryOf(filters), limit: PAGE, ...(pageParam === undefined ? {} : { cursor: pageParam }) },
          },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) <= FEW ? SOON : LATER),
    placeholderData: keepPreviousData,
  });
}

/** Below this, somebody reads further down. */
const AT_TOP = 40;

/**
 * What is shown of a list that grows at its top: while somebody reads further down, what is new is only counted, so that nothing moves
 * under them.
 */
export function useHeldBack(items: Summary[], of: string): { shown: Summary[]; more: number; show: () => void } {
  const [reading, setReading] = useState(false);
  const top = useRef<{ of: string; id: string | undefined }>({ of, id: undefined });
  useEffect(() => {
    const look = () => setReading(window.scrollY > AT_TOP);
    look();
    window.addEventListener("scroll", look, { passive: true });
    return () => window.removeEventListener("scroll", look);
  }, []);
  const newest = items[0]?.request_id;
  const from = useMemo(() => {
    if (!reading || top.current.of !== of || top.current.id === undefined) return 0;
    return Math.max(
      0,
      items.findIndex(({ request_id }) => request_id === top.current.id),
    );
  }, [items, reading, of]);
  useEffect(() => {
    if (from === 0) top.current = { of, id: newest };
  }, [from, newest, of]);
  const shown = useMemo(() => (from === 0 ? items : items.slice(from)), [items, from]);
  return { shown, more: from, show: () => window.scrollTo({ top: 0 }) };
}
