import type { RefObject } from "react";

import type { Shown } from "./rows";
import type { LogSearch } from "./useSearch";

const SHOWN: [Shown, string][] = [
  ["notable", "Changes and failures"],
  ["all", "All lines"],
];

interface Props {
  field: RefObject<HTMLInputElement | null>;
  search: LogSearch;
  shown: Shown;
  onShown: (shown: Shown) => void;
  following: boolean;
  /** Whether lines still come. */
  arriving: boolean;
  onFollow: () => void;
  onFailure: () => void;
  onDownload: () => void;
  leave: () => void;
}

export function LogTools({ field, search, shown, onShown, following, arriving, leave, ...act }: Props) {
  return (
    <div className="log-tools">
      <div className="log-search" role="search">
        <input
          ref={field}
          type="text"
          inputMode="search"
          aria-label="Search in the log"
          placeholder="Search in the log"
          value={search.query}
          onChange={(event) => search.setQuery(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") search.go(event.shiftKey);
            if (event.key === "Escape") {
              search.setQuery("");
              leave();
            }
          }}
        />
        {search.query !== "" && (
          <>
            <span className="faint log-count" role="status">
              {counted(search)}
            </span>
            <button type="button" className="quiet" aria-label="Previous hit" onClick={() => search.go(true)}>
              ↑
            </button>
            <button type="button" className="quiet" aria-label="Next hit" onClick={() => search.go(false)}>
              ↓
            </button>
          </>
        )}
      </div>
      <div className="log-shown" role="group" aria-label="Which lines">
        {SHOWN.map(([value, text]) => (
          <button key={value} type="button" aria-pressed={shown === value} onClick={() => onShown(value)}>
            {text}
          </button>
        ))}
      </div>
      <div className="row log-acts">
        <button type="button" className="quiet" onClick={act.onFailure}>
          First failure
        </button>
        <button type="button" className="quiet" aria-pressed={following} onClick={act.onFollow}>
          {following ? (arriving ? "Following the end" : "At the end") : "Go to the end"}
        </button>
        <button type="button" className="quiet" onClick={act.onDownload}>
          Download
        </button>
      </div>
    </div>
  );
}

function counted({ hits, done, order }: LogSearch): string {
  const sum = hits.toLocaleString();
  if (!done) return `${sum}…`;
  if (hits === 0) return "not found";
  return order === undefined ? `${sum} ${hits === 1 ? "line" : "lines"}` : `${order.toLocaleString()} of ${sum}`;
}
