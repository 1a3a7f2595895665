import { useMemo } from "react";

import { useMedia, useRemembered } from "../../../parts/remembered";
import { count } from "../../../parts/words";
import { parse, type FileDiff } from "./parse";
import { Stretch } from "./Stretch";
import "./diff.css";

const WAYS = ["unified", "split"] as const;
const WIDE = "(min-width: 761px)";
/** So many files are open from the first. */
const OPEN = 12;

/** A diff as people read it: file by file, in one column or two. */
export function Diff({ diff }: { diff: string }) {
  const files = useMemo(() => parse(diff), [diff]);
  const [way] = useRemembered("chiffon.diff", WAYS, "unified");
  // Two columns don't fit on a phone, whatever was chosen elsewhere.
  const split = useMedia(WIDE) && way === "split";
  return (
    <div className="diff">
      {files.map((file, index) => (
        <details key={index} className="diff-file" open={index < OPEN}>
          <summary>
            <FileName file={file} /> <Size file={file} />
          </summary>
          {file.hunks.map((hunk, number) => (
            <Stretch key={number} hunk={hunk} split={split} />
          ))}
        </details>
      ))}
    </div>
  );
}

/** One column or two; kept in this browser. */
export function DiffWay() {
  const [way, setWay] = useRemembered("chiffon.diff", WAYS, "unified");
  if (!useMedia(WIDE)) return null;
  return (
    <span className="change-switch" role="group" aria-label="How diffs are shown">
      {WAYS.map((one) => (
        <button key={one} type="button" aria-pressed={way === one} onClick={() => setWay(one)}>
          {one === "unified" ? "Unified" : "Side by side"}
        </button>
      ))}
    </span>
  );
}

const ABSENT = / \(absent\)$/;
const GONE = / \((?:absent|removed)\)$/;

function FileName({ file: { before, after } }: { file: FileDiff }) {
  if (before === undefined || after === undefined) return <span className="diff-name">What changes</span>;
  if (ABSENT.test(before)) return <Named name={after} what="new file" />;
  if (GONE.test(after)) return <Named name={before} what="removed" />;
  if (before === after) return <Named name={after} />;
  return (
    <span className="diff-name">
      <code>{before}</code> <span aria-label="becomes">→</span> <code>{after}</code>
    </span>
  );
}

function Named({ name, what }: { name: string; what?: string }) {
  return (
    <span className="diff-name">
      <code>{name}</code> {what !== undefined && <span className="faint">{what}</span>}
    </span>
  );
}

export function Size({ file: { added, removed } }: { file: { added: number; removed: number } }) {
  return (
    <span className="diff-size" title={`${count(added, "line")} more, ${count(removed, "line")} less`}>
      {added > 0 && <span className="diff-added">+{added.toLocaleString()}</span>}{" "}
      {removed > 0 && <span className="diff-removed">−{removed.toLocaleString()}</span>}
    </span>
  );
}
