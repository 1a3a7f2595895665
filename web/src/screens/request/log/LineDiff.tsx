import { useState } from "react";

const MOST = 400;

function lookOf(line: string): string {
  if (line.startsWith("+++") || line.startsWith("---")) return "file";
  if (line.startsWith("@@")) return "part";
  if (line.startsWith("+")) return "added";
  return line.startsWith("-") ? "removed" : "";
}

/** A unified diff: the signs stay, so that colour is not all that tells. */
export function LineDiff({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  const lines = text.replace(/\n$/, "").split("\n");
  const shown = whole ? lines : lines.slice(0, MOST);
  return (
    <>
      <pre className="log-diff" tabIndex={0} role="group" aria-label="What it changed">
        {shown.map((line, number) => (
          <span key={number} className={lookOf(line)}>
            {line}
            {"\n"}
          </span>
        ))}
      </pre>
      {shown.length < lines.length && (
        <button type="button" className="quiet" onClick={() => setWhole(true)}>
          Show {lines.length - shown.length} more lines of the diff
        </button>
      )}
    </>
  );
}
