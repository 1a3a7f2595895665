import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { api, held, type Schemas } from "../../../api/client";
import { whoami } from "../../../api/queries";
import { Copy } from "../../../parts/Copy";
import { Failure } from "../../../parts/Failure";
import { Empty, Loading } from "../../../parts/Page";
import { Commits } from "../run/Commits";
import { EventEntry, MessageEntry } from "./EventEntry";
import type { Answer } from "../run/read";
import "./history.css";
import { storyOf, titlesOf } from "./story";
import { Verify } from "./Verify";
import { Particulars, weightOf } from "./words";

const PAGE = 500;

/** The story of a request: who did what and when, what was said, and whether that is still as it was written. */
export function History({ request }: { request: Answer }) {
  const { data: me } = useQuery(whoami);
  if (me !== undefined && !me.permissions.includes("audit.read"))
    return (
      <Empty title="The history is not yours to read">
        <p>It needs the permission audit.read, which viewers and all above them have.</p>
      </Empty>
    );
  return <Chain request={request} />;
}

function Chain({ request }: { request: Answer }) {
  const { request_id, tasks, messages, commits, commits_to_come } = request;
  const [brief, setBrief] = useState(true);
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["request", request_id, "audit"],
    queryFn: ({ pageParam }) =>
      held(api.GET("/audit", { params: { query: { chain: request_id, cursor: pageParam, limit: PAGE } } })),
    initialPageParam: 0,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const events = useMemo(() => data?.pages.flatMap(({ items }) => items) ?? [], [data]);
  const titles = useMemo(() => titlesOf(events, tasks), [events, tasks]);
  const story = useMemo(() => storyOf(events, messages, !hasNextPage), [events, messages, hasNextPage]);
  const shown = story.filter(
    (entry) =>
      !brief ||
      entry.kind === "message" ||
      weightOf(entry.event.event, new Particulars(entry.event.data, titles)) !== "between",
  );

  if (data === undefined)
    return error === null ? <Loading what="the history" /> : <Failure error={error} again={() => void refetch()} />;
  const head = events.at(-1);
  return (
    <div className="history">
      {error !== null && <Failure error={error} />}
      <section className="history-head card" aria-label="Where it is written down">
        {head !== undefined && (
          <p>
            <span className="faint">
              {hasNextPage ? `Hash of entry ${head.seq}, the last one shown` : "Hash of the newest entry"}
            </span>{" "}
            <code className="history-hash">{head.hash}</code> <Copy text={head.hash} />
          </p>
        )}
        {commits.length + commits_to_come > 0 && (
          <div>
            <span className="faint">Commits in the audit repository</span>
            <Commits ids={commits} toCome={commits_to_come} />
          </div>
        )}
        <Verify requestId={request_id} />
      </section>
      <p className="row">
        <button type="button" onClick={() => setBrief(!brief)}>
          {brief
            ? `Show every step between (${(story.length - shown.length).toLocaleString()})`
            : "Show only the turns"}
        </button>
        <span className="faint">
          {shown.length.toLocaleString()} {shown.length === 1 ? "entry" : "entries"}, oldest first
        </span>
      </p>
      <ol className="history-story">
        {shown.map((entry) =>
          entry.kind === "message" ? (
            <MessageEntry key={`said ${entry.number}`} message={entry.message} />
          ) : (
            <EventEntry
              key={entry.event.seq}
              event={entry.event}
              titles={titles}
              commit={commitOf(entry.event, tasks)}
            />
          ),
        )}
      </ol>
      {hasNextPage && (
        <button type="button" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {isFetchingNextPage ? "Loading…" : `Show up to ${PAGE} later entries`}
        </button>
      )}
    </div>
  );
}

/** The end of a task's last attempt is what its commit records. */
function commitOf({ event, data }: Schemas["AuditView"], tasks: Schemas["TaskView"][]): string | undefined {
  if (event !== "task.finished" && event !== "task.resolved") return undefined;
  const { task_id, attempt } = (data ?? {}) as { task_id?: unknown; attempt?: unknown };
  const task = tasks.find((some) => some.task_id === task_id && some.attempt === attempt);
  return task?.commit ?? undefined;
}
