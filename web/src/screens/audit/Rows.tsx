import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { api, held, type Schemas } from "../../api/client";
import { SOON } from "../../api/queries";
import { Time } from "../../parts/Time";
import { Answer, More } from "../../parts/Section";
import { about, happened, requestOf } from "./events";
import { Fields, Value } from "../../parts/Value";

type Row = Schemas["AuditView"];

const PAGE = 100;
const SYSTEM = "system";

/** The rows of a chain: a request's from its beginning, the system's from what was last. */
export function Rows({ chain }: { chain: string }) {
  const list = useInfiniteQuery({
    queryKey: ["audit", chain],
    queryFn: ({ pageParam }) =>
      held(
        api.GET("/audit", {
          params: {
            query: { chain, limit: PAGE, newest: chain === SYSTEM, ...(pageParam === 0 ? {} : { cursor: pageParam }) },
          },
        }),
      ),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next_cursor,
    // A chain only grows: what was read stays as it is, and only a page that is not full can get more.
    refetchInterval: ({ state }) => (state.data?.pages.length === 1 ? SOON : false),
  });
  return (
    <Answer of={list} what="the records">
      {({ pages }) => {
        const rows = pages.flatMap(({ items }) => items);
        if (rows.length === 0)
          return (
            <p>No record is in this chain. Check the request’s id: it is the last part of the request’s address.</p>
          );
        return (
          <>
            <ol className="audit-rows">
              {rows.map((row) => (
                <Item key={row.seq} of={row} chain={chain} />
              ))}
            </ol>
            <More list={list} />
          </>
        );
      }}
    </Answer>
  );
}

function Item({ of, chain }: { of: Row; chain: string }) {
  const [open, setOpen] = useState(false);
  const particulars = about(of.data, of.actor);
  return (
    <li>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary data-row>
          <span className="audit-seq">{of.seq}</span>
          <span className="audit-what">
            <strong>{of.actor}</strong> {happened(of.event)}
            {particulars !== "" && <span className="faint audit-about">{particulars}</span>}
          </span>
          <span className="faint audit-when">
            <Time at={of.at} />
          </span>
        </summary>
        {open && <Particulars of={of} chain={chain} />}
      </details>
    </li>
  );
}

function Particulars({ of, chain }: { of: Row; chain: string }) {
  const request = chain === SYSTEM ? requestOf(of.data) : undefined;
  return (
    <div className="audit-particulars">
      <Fields of={{ event: of.event, at: of.at }} />
      {typeof of.data === "object" && of.data !== null ? <Fields of={of.data} /> : <Value of={of.data} />}
      <Fields of={{ hash: of.hash }} />
      {request !== undefined && (
        <p className="row">
          <Link to="/requests/$id" params={{ id: request }}>
            The request
          </Link>
          <Link to="/audit" search={{ chain: request }}>
            Its records
          </Link>
        </p>
      )}
    </div>
  );
}
