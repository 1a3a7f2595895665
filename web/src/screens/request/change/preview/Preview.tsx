import { useMemo, useState } from "react";

import { Hosts } from "../../../../parts/Status";
import { Since } from "../../../../parts/Time";
import { Diff, Size } from "../../diff/Diff";
import { parse } from "../../diff/parse";
import type { Change, Preview as Found } from "../plan/step";
import { count } from "../../../../parts/words";

/** So many changes of a step are open from the first. */
const OPEN = 6;

/** What a dry run has found about a step: what would change, and how much of it can be known before. */
export function Preview({ preview, hosts }: { preview: Found; hosts: string[] }) {
  return (
    <div className="change-preview">
      <Coverage preview={preview} />
      {preview.error !== undefined && (
        <p className="change-problem">
          <strong>The preview failed.</strong> {preview.error.message}{" "}
          {preview.error.code !== undefined && (
            <a href={`/docs/errors/${preview.error.code}`} target="_blank" rel="noreferrer">
              {preview.error.code}
            </a>
          )}
        </p>
      )}
      {preview.warnings.map((warning) => (
        <p key={warning} className="change-warning">
          <strong>Note:</strong> {warning}
        </p>
      ))}
      {preview.changes.map((change, index) => (
        <Changed key={index} change={change} all={hosts} open={index < OPEN} />
      ))}
      {preview.notPreviewed.length > 0 && (
        <details className="change-details" open={preview.notPreviewed.length <= 5}>
          <summary>
            {count(preview.notPreviewed.length, "task")} that a dry run can’t foretell; what they do shows only when
            they run
          </summary>
          <ul className="change-bullets">
            {preview.notPreviewed.map((name) => (
              <li key={name}>{name}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Coverage({ preview }: { preview: Found }) {
  const { status, progress, changes, waiting, text, coverage, tasks } = preview;
  switch (status) {
    case "running":
      return (
        <p role="status">
          Previewing… {progress} % <progress max={100} value={progress} aria-label="Preview" />
        </p>
      );
    case "waiting":
      return (
        <p>
          The preview has not begun: it waits for {waiting?.text ?? "its turn"}
          {waiting?.since !== undefined && (
            <>
              , since <Since at={waiting.since} />
            </>
          )}
          .
        </p>
      );
    case "cancelled":
      return <p>The preview was cancelled: what would change is not known.</p>;
    case "none":
      return <p>No preview: {text ?? "none was made"}. What changes shows only when it runs.</p>;
    case "done":
    case "failed":
      break;
    default:
      return <p>The preview is {status}.</p>;
  }
  const all = coverage === undefined ? "" : covered(coverage, tasks);
  if (changes.length === 0 && status === "failed") return all === "" ? null : <p className="faint">{all}</p>;
  return (
    <p>
      {text !== undefined && <>{text} </>}
      <strong>{changes.length === 0 ? "Nothing would change." : `${count(changes.length, "change")}.`}</strong>{" "}
      <span className="faint">{all}</span>
    </p>
  );
}

function covered(share: number, tasks: number | undefined): string {
  const percent = share > 0.99 && share < 1 ? 99 : Math.round(share * 100);
  const of = tasks === undefined ? "the play" : `the play’s ${count(tasks, "task")}`;
  if (percent === 100) return `All of ${of} could be previewed (100 %).`;
  if (percent === 0) return `Nothing of ${of} could be previewed (0 %).`;
  return `${percent} % of ${of} could be previewed; the rest shows only when it runs.`;
}

function Changed({ change, all, open: first }: { change: Change; all: string[]; open: boolean }) {
  const [open, setOpen] = useState(first);
  const size = useMemo(() => sizeOf(change.diff), [change.diff]);
  return (
    <details className="change-changed" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span className="change-changed-name">{change.name}</span>
        {all.length === 1 && change.hosts.length === 1 ? null : <Hosts names={change.hosts} />}
        {size !== undefined && <Size file={size} />}
      </summary>
      {open &&
        (change.diff === undefined ? (
          <p className="faint">It would change something; its module tells no lines.</p>
        ) : (
          <Diff diff={change.diff} />
        ))}
    </details>
  );
}

function sizeOf(diff: string | undefined): { added: number; removed: number } | undefined {
  if (diff === undefined) return undefined;
  const files = parse(diff);
  return {
    added: files.reduce((sum, { added }) => sum + added, 0),
    removed: files.reduce((sum, { removed }) => sum + removed, 0),
  };
}
