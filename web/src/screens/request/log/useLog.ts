import { useEffect, useRef, useState, useSyncExternalStore } from "react";

import type { Schemas } from "../../../api/client";
import { sourceOf } from "./source";
import { LogStore, type Place } from "./store";

const ENDED = new Set(["completed", "failed", "cancelled", "skipped"]);

export function hasEnded({ status }: Schemas["TaskView"]): boolean {
  return ENDED.has(status);
}

const nothing = () => () => undefined;

/** The log of a task, and how often it has changed. Every event of the task makes it look for new lines at once. */
export function useLog(
  task: Schemas["TaskView"],
  heard: number,
  place: Place | undefined,
): [LogStore | undefined, number] {
  const [store, setStore] = useState<LogStore>();
  const { task_id } = task;
  const ended = hasEnded(task);
  const first = useRef({ place, ended });
  useEffect(() => {
    const log = new LogStore(sourceOf(task_id), first.current.place === undefined && !first.current.ended);
    setStore(log);
    void log.start(first.current.place);
    return () => log.stop();
  }, [task_id]);
  useEffect(() => {
    if (store !== undefined && !(store.whole && ended)) store.poke();
  }, [store, heard, task.attempt, ended]);
  const version = useSyncExternalStore(store?.subscribe ?? nothing, () => store?.version ?? 0);
  return [store, version];
}
