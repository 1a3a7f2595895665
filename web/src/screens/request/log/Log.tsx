import { Loading } from "../../../parts/Page";
import { Failure } from "../../../parts/Failure";
import type { Schemas } from "../../../api/client";
import { LoadedLog } from "./LoadedLog";
import type { LogStore } from "./store";
import type { Place } from "./store";
import { hasEnded, useLog } from "./useLog";

interface Props {
  task: Schemas["TaskView"];
  /** The number of the request's newest event: the next one may mean new lines. */
  heard: number;
  line: Place | undefined;
  hrefOf: (line: Place) => string;
  onLine: (line: Place) => void;
}

/** What a task has said, from the first line on, while it runs and ever after. */
export function Log({ task, heard, line, ...rest }: Props) {
  const [log, version] = useLog(task, heard, line);
  if (log === undefined || (!log.ready && log.error === undefined)) return <Loading what="the log" />;
  if (!log.ready) return <Failure error={log.error} />;
  if (log.size === 0) return <Nothing log={log} task={task} />;
  return <LoadedLog task={task} log={log} version={version} line={line} ended={hasEnded(task)} {...rest} />;
}

function Nothing({ log, task }: { log: LogStore; task: Schemas["TaskView"] }) {
  const text = () => {
    if (log.whole && task.attempt === 0) return "This never began, so that it has no log.";
    if (log.whole) return "There are no lines of it any more. Logs expire; the history keeps the digest of this one.";
    if (task.status === "running") return "It runs, and has not said anything yet. Lines appear here as they come.";
    return "It has not begun. Lines appear here once an agent runs it.";
  };
  return (
    <>
      {log.error !== undefined && <Failure error={log.error} />}
      <p className="faint">{text()}</p>
    </>
  );
}
