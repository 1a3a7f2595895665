import { useEffect, useRef, useState, type KeyboardEvent } from "react";

import type { Schemas } from "../../../api/client";
import { Failure } from "../../../parts/Failure";
import { useShortcut } from "../../../shell/shortcuts";
import { download } from "./download";
import { isFailure } from "./kinds";
import "./log.css";
import { inSight, LogLines } from "./LogLines";
import { LogTools } from "./LogTools";
import type { Line } from "./pages";
import { nameOf, seek, spotOf } from "./rows";
import type { Segment } from "./segments";
import type { LogStore, Place } from "./store";
import { useLogView } from "./useLogView";
import { useSearch } from "./useSearch";

interface Props {
  task: Schemas["TaskView"];
  log: LogStore;
  version: number;
  line: Place | undefined;
  ended: boolean;
  hrefOf: (line: Place) => string;
  onLine: (line: Place) => void;
}

export function LoadedLog({ task, log, version, line, ended, hrefOf, onLine }: Props) {
  const view = useLogView(log, version, line, !ended);
  const search = useSearch(log, version, view);
  const field = useRef<HTMLInputElement>(null);
  const [note, setNote] = useState("");
  const { rows, heights, scroll, cursor } = view;
  const { missing } = log;
  const start = useStart(log, task);

  useEffect(() => {
    log.want(inSight(rows, heights, scroll).map(({ spot }) => spot.segment));
  }, [log, rows, heights, scroll.top]);

  const [seeking, setSeeking] = useState(false);
  useEffect(() => {
    if (!seeking) return;
    const now = cursor === undefined ? undefined : spotOf(log.segments, cursor);
    const from = now !== undefined && failuresOf(now.segment)?.includes(now.index) === true ? now : undefined;
    const spot = seek(log.segments, from, false, missing === 0, failuresOf);
    const found = spot?.segment.page?.line(spot.index);
    if (found !== undefined) view.goTo(found);
    if (found !== undefined || missing === 0) setSeeking(false);
    const not = missing > 0 ? "No failure so far; the search goes on." : "No line tells of a failure.";
    setNote(found === undefined ? not : "");
  }, [seeking, log, version]);
  const failure = () => {
    log.fetchAll();
    setSeeking(true);
  };
  const toEnd = () => view.setFollowing(true);
  const fetched = useWhole(log, version, () => download(log.pages, `${task.title} ${task.task_id.slice(-8)}`));
  const leave = () => scroll.box.current?.focus();

  useShortcut("/", "search in the log", () => field.current?.focus());
  useShortcut("n", "next hit in the log", () => search.go(false));
  useShortcut("N", "previous hit in the log", () => search.go(true));
  useShortcut("f", "first failure in the log, then the next", failure);
  useShortcut("F", "go to the end of the log and follow it", toEnd);

  const pick = useRef((_: Line) => {});
  pick.current = (picked) => {
    view.setCursor({ attempt: picked.attempt, seq: picked.seq });
    view.setFollowing(false);
    onLine(picked);
  };
  const [onPick] = useState(() => (picked: Line) => pick.current(picked));

  const onKey = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const now = cursor === undefined ? undefined : spotOf(log.segments, cursor);
    const row = now === undefined ? heights.rowAt(scroll.top) - 1 : rows.rowOf(now);
    const steps: Record<string, number> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step !== undefined) {
      const spot = rows.at(Math.max(0, Math.min(rows.length - 1, row + step)));
      const next = spot?.segment.page?.line(spot.index);
      if (spot === undefined || next === undefined) return;
      view.setCursor(next);
      view.setFollowing(false);
      const at = heights.offset(rows.rowOf(spot));
      if (at < scroll.top) scroll.to(at);
      else if (at + heights.each > scroll.top + scroll.height) scroll.to(at + heights.each - scroll.height);
    } else if (event.key === "Enter" && cursor !== undefined) view.toggle(cursor);
    else if (event.key === "Home") {
      view.setFollowing(false);
      scroll.to(0);
    } else if (event.key === "End") toEnd();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const hidden = view.shown === "all" ? 0 : log.size - missing - rows.length;
  return (
    <div className="log">
      <LogTools
        field={field}
        search={search}
        shown={view.shown}
        onShown={view.setShown}
        following={view.following}
        arriving={!log.whole}
        onFollow={toEnd}
        onFailure={failure}
        onDownload={() => {
          log.fetchAll();
          fetched.want();
        }}
        leave={leave}
      />
      {log.error !== undefined && <Failure error={log.error} />}
      <LogLines
        label={`Log of ${task.title}`}
        rows={rows}
        heights={heights}
        scroll={scroll}
        start={start}
        cursor={cursor === undefined ? undefined : nameOf(cursor)}
        opened={view.opened}
        search={search.marks}
        attempts={task.attempt > 1}
        hrefOf={hrefOf}
        onPick={onPick}
        onOpen={view.toggle}
        onHeight={view.grow}
        onKey={onKey}
      />
      <p className="faint log-foot" role="status">
        {log.size.toLocaleString()} {log.size === 1 ? "line" : "lines"}
        {hidden > 0 && `, ${hidden.toLocaleString()} that changed nothing are hidden`}
        {missing > 0 && log.fetchesAll && `, ${missing.toLocaleString()} still to be fetched`}
        {missing > 0 && !log.fetchesAll && ", fetched as you look at them; a search fetches all"}
        {fetched.waits && ", the download begins then"}
        {!log.whole && missing === 0 && ", more as they come"}. {note}
      </p>
    </div>
  );
}

function failuresOf({ page }: Segment): number[] | undefined {
  return page === undefined ? undefined : Array.from(page.notable).filter((index) => isFailure(page.kindAt(index)));
}

/** Times are told from here on. */
function useStart(log: LogStore, task: Schemas["TaskView"]): number {
  const first = log.segments[0]?.page;
  if (first !== undefined && first.length > 0) return first.line(0).at;
  return Date.parse(task.started_at ?? task.created_at);
}

/** Does something once every line is here. */
function useWhole(log: LogStore, version: number, act: () => void) {
  const [waits, setWaits] = useState(false);
  useEffect(() => {
    if (!waits || log.missing > 0) return;
    setWaits(false);
    act();
  }, [waits, log, version]);
  return { waits, want: () => setWaits(true) };
}
