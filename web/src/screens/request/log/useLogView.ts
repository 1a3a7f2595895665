import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";

import { Heights } from "./heights";
import { nameOf, placeOf, Rows, spotOf, type Shown, type Spot } from "./rows";
import type { LogStore, Place } from "./store";
import { useScroll } from "./useScroll";
import { useWide } from "./useWide";

const ROW = 26;
const ROW_ON_PHONES = 46;

/** What of a log is in sight: which lines are shown, where they lie, which one is looked at, and whether the end is followed. */
export function useLogView(log: LogStore, version: number, goal: Place | undefined, follows: boolean) {
  const [shown, setShown] = useState<Shown>(log.fetchesAll ? "notable" : "all");
  const [following, setFollowing] = useState(follows && goal === undefined);
  const [cursor, setCursor] = useState<Place>();
  const [opened, setOpened] = useState<ReadonlyMap<string, number>>(new Map());
  const [wanted, setWanted] = useState(goal);
  const wide = useWide();

  const rows = useMemo(() => new Rows(log.segments, shown), [log, version, shown]);
  const heights = useMemo(() => {
    const open = Array.from(opened, ([name, extra]) => {
      const place = placeOf(name);
      const spot = place === undefined ? undefined : spotOf(log.segments, place);
      return spot !== undefined && rows.isShown(spot) ? { row: rows.rowOf(spot), extra } : undefined;
    });
    return new Heights(
      wide ? ROW : ROW_ON_PHONES,
      open.filter((row) => row !== undefined),
    );
  }, [rows, opened, wide, log]);
  const total = heights.offset(rows.length);
  const moved = useCallback((up: boolean, atEnd: boolean) => {
    if (up) setFollowing(false);
    else if (atEnd) setFollowing(true);
  }, []);
  const scroll = useScroll(total, moved);

  // What is in sight stays there when lines come before it, or others are shown.
  const anchor = useRef<{ spot: Spot; rest: number }>(undefined);
  const drawn = useRef<Heights>(undefined);
  useLayoutEffect(() => {
    if (following) scroll.to(total);
    else if (drawn.current !== heights && anchor.current !== undefined) {
      const { spot, rest } = anchor.current;
      scroll.to(heights.offset(rows.rowOf(spot)) + rest);
    }
    drawn.current = heights;
  }, [heights, following, total, scroll.height]);
  useLayoutEffect(() => {
    const row = heights.rowAt(scroll.top);
    const spot = rows.at(row);
    if (spot !== undefined) anchor.current = { spot, rest: scroll.top - heights.offset(row) };
  }, [scroll.top]);

  // A line that one wants to see is fetched first, and shown although such lines are hidden.
  useLayoutEffect(() => {
    const spot = wanted === undefined ? undefined : spotOf(log.segments, wanted);
    if (wanted === undefined || spot === undefined) return;
    if (spot.segment.page === undefined) log.want([spot.segment]);
    else if (!rows.isShown(spot)) setShown("all");
    else {
      scroll.to(heights.offset(rows.rowOf(spot)) - scroll.height / 3);
      scroll.box.current?.scrollIntoView({ block: "nearest" });
      setCursor(wanted);
      setWanted(undefined);
    }
  }, [wanted, rows, heights]);

  // Which lines are hidden is known once all are here.
  useEffect(() => {
    if (shown === "notable") log.fetchAll();
  }, [log, shown]);

  const goTo = useCallback((place: Place) => {
    setFollowing(false);
    setWanted(place);
  }, []);
  const toggle = useCallback((place: Place) => {
    const name = nameOf(place);
    setOpened((before) => {
      const after = new Map(before);
      if (!after.delete(name)) after.set(name, 0);
      return after;
    });
  }, []);
  const grow = useCallback((name: string, height: number) => {
    setOpened((before) =>
      before.has(name) && before.get(name) !== height ? new Map(before).set(name, height) : before,
    );
  }, []);

  return {
    shown,
    setShown,
    following,
    setFollowing,
    cursor,
    setCursor,
    opened,
    rows,
    heights,
    scroll,
    goTo,
    toggle,
    grow,
  };
}

export type LogView = ReturnType<typeof useLogView>;
