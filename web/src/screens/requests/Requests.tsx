import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useRef } from "react";

import { Problem } from "../../api/problem";
import { Failure } from "../../parts/Failure";
import { Loading, Page } from "../../parts/Page";
import { FilterBar } from "./FilterBar";
import { AGES, noTime, withFilter } from "./filters";
import { useHeldBack, useRequests } from "./list";
import { Nothing } from "./Nothing";
import "./requests.css";
import { Rows } from "./Rows";

export function Requests() {
  const filters = useSearch({ from: "/inside/requests" });
  const navigate = useNavigate();
  const list = useRequests(filters);
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const people = useMemo(() => Array.from(new Set(items.map((item) => item.requested_by))).sort(), [items]);
  const { shown, more, show } = useHeldBack(items, JSON.stringify(filters));
  const next = () => void list.fetchNextPage();
  return (
    <Page title="Requests" wide>
      <FilterBar
        filters={filters}
        people={people}
        onFilter={(name, value) =>
          void navigate({
            to: "/requests",
            search: (now) => withFilter(now, name, value),
            replace: true,
            resetScroll: false,
          })
        }
      />
      <NoTime is={noTime(filters)} />
      {list.error !== null && (list.data === undefined || list.error instanceof Problem) && (
        <Failure error={list.error} again={() => void list.refetch()} />
      )}
      {list.isPending && <Loading what="requests" />}
      {list.data !== undefined && items.length === 0 && <Nothing filters={filters} />}
      {more > 0 && (
        <button type="button" className="requests-new" onClick={show}>
          {more === 1 ? "1 new request" : `${more} new requests`} · show
        </button>
      )}
      {shown.length > 0 && <Rows items={shown} busy={list.isPlaceholderData} />}
      {list.hasNextPage ? (
        <More onMore={next} busy={list.isFetchingNextPage} shown={shown.length} />
      ) : (
        shown.length > 0 && (
          <p className="faint" role="status">
            {shown.length === 1 ? "1 request, all that there is" : `${shown.length} requests, all that there are`}
            {Object.keys(filters).length > 0 && " with these filters"}.
          </p>
        )
      )}
    </Page>
  );
}

/** An address whose time is none: the list is not narrowed by it, and says so. */
function NoTime({ is }: { is: string | undefined }) {
  if (is === undefined) return null;
  return (
    <div className="failure" role="alert">
      <p>
        “{is}” in the address (since) is no time, so requests of all times are listed. It is{" "}
        {Object.keys(AGES).join(", ")}, a day such as 2026-11-29, or a moment such as 2026-11-29T05:00:00Z.
      </p>
    </div>
  );
}

/** The next page comes when one scrolls near the end, or at the button. */
function More({ onMore, busy, shown }: { onMore: () => void; busy: boolean; shown: number }) {
  const end = useRef<HTMLDivElement>(null);
  const act = useRef(onMore);
  useEffect(() => {
    act.current = onMore;
  });
  useEffect(() => {
    const watch = new IntersectionObserver(
      ([seen]) => {
        if (seen?.isIntersecting === true && !busy) act.current();
      },
      { rootMargin: "400px" },
    );
    if (end.current !== null) watch.observe(end.current);
    return () => watch.disconnect();
  }, [busy, shown]);
  return (
    <div ref={end} className="row">
      <button type="button" onClick={onMore} disabled={busy}>
        {busy ? "Loading older requests…" : "Load older requests"}
      </button>
      <span className="faint">{shown} shown</span>
    </div>
  );
}
