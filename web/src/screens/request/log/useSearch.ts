import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";

import { nameOf, seek, spotOf, type Spot } from "./rows";
import { expressionOf, Search } from "./search";
import type { LogStore } from "./store";
import type { LogView } from "./useLogView";

/** What is searched for in a log, how often it is there, and the way from one to the next. */
export function useSearch(log: LogStore, version: number, view: LogView) {
  const [query, write] = useState("");
  // Which way somebody wants to go who has asked before there was anything.
  const wanted = useRef<boolean>(undefined);
  const setQuery = (text: string) => {
    wanted.current = undefined;
    write(text);
  };
  const text = useDeferredValue(query);
  const search = useMemo(() => (text === "" ? undefined : new Search(text, log.names)), [log, text]);
  const [found, setFound] = useState({ hits: 0, done: true });
  useEffect(() => {
    if (search === undefined) return;
    log.fetchAll();
    search.count(log.pages, (hits, done) => setFound({ hits, done }));
    return () => search.stop();
  }, [search, log, version]);

  const from = (): Spot | undefined => {
    if (view.cursor !== undefined) return spotOf(log.segments, view.cursor);
    return view.rows.at(view.heights.rowAt(view.scroll.top));
  };
  const go = (back: boolean) => {
    wanted.current = back;
    if (search === undefined) return;
    const spot = seek(log.segments, from(), back, true, ({ page }) => (page === undefined ? [] : search.hits(page)));
    const line = spot?.segment.page?.line(spot.index);
    if (line !== undefined) view.goTo({ attempt: line.attempt, seq: line.seq });
    if (line !== undefined) wanted.current = undefined;
  };
  // Who asked for the next before its line was there is led to it once it is.
  useEffect(() => {
    if (wanted.current !== undefined && found.hits > 0) go(wanted.current);
  }, [found.hits]);
  const order = useMemo(() => {
    const spot = view.cursor === undefined ? undefined : spotOf(log.segments, view.cursor);
    if (search === undefined || spot === undefined || view.cursor === undefined) return undefined;
    let before = 0;
    for (const segment of log.segments) {
      const hits = segment.page === undefined ? [] : Array.from(search.hits(segment.page));
      if (segment !== spot.segment) before += hits.length;
      else return hits.includes(spot.index) ? before + hits.indexOf(spot.index) + 1 : undefined;
    }
    return undefined;
    // The count changes with the lines that have come.
  }, [search, view.cursor && nameOf(view.cursor), found.hits]);
  const marks = useMemo(() => (text === "" ? undefined : expressionOf(text)), [text]);
  return { query, setQuery, marks, go, order, ...found };
}

export type LogSearch = ReturnType<typeof useSearch>;
