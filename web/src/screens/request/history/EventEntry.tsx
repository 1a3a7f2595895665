import { useState } from "react";

import type { Schemas } from "../../../api/client";
import { Time } from "../../../parts/Time";
import { Particulars, sentence, weightOf } from "./words";

interface Props {
  event: Schemas["AuditView"];
  titles: ReadonlyMap<string, string>;
  /** The commit of the task that it is the end of. */
  commit: string | undefined;
}

export function EventEntry({ event: { seq, at, actor, event, data, hash }, titles, commit }: Props) {
  const about = new Particulars(data, titles);
  const [open, setOpen] = useState(false);
  return (
    <li className={`history-entry ${weightOf(event, about)}`}>
      <p className="history-words">
        <strong>{actor}</strong> {sentence(event, about)}
      </p>
      <p className="faint history-meta">
        {commit !== undefined && (
          <a href={`#commit-${commit}`} title={commit}>
            commit {commit.slice(0, 12)}
          </a>
        )}
        <Time at={at} />
        <button
          type="button"
          className="quiet history-open"
          aria-expanded={open}
          aria-label={`Entry ${seq}, ${event}, in full`}
          onClick={() => setOpen(!open)}
        >
          <span aria-hidden="true">{open ? "▾" : "▸"}</span> {seq}
        </button>
      </p>
      {open && (
        <dl className="history-data">
          <Pair name="event" value={event} />
          <Pair name="at" value={at} />
          {Object.entries(typeof data === "object" && data !== null ? data : {}).map(([name, value]) => (
            <Pair
              key={name}
              name={name}
              value={typeof value === "string" ? value : JSON.stringify(value, undefined, 1)}
            />
          ))}
          <Pair name="hash" value={hash} />
        </dl>
      )}
    </li>
  );
}

const LONG = 800;

function Pair({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value.length > LONG ? (
          <pre tabIndex={0} role="group" aria-label={name}>
            {value}
          </pre>
        ) : (
          value
        )}
      </dd>
    </div>
  );
}

export function MessageEntry({ message: { at, by, from, text } }: { message: Schemas["MessageView"] }) {
  return (
    <li className="history-entry said">
      <p className="history-words">
        <strong>{by ?? (from === "user" ? "Somebody" : from)}</strong> said:
      </p>
      <p className="faint history-meta">
        <Time at={at} />
      </p>
      <blockquote>{text}</blockquote>
    </li>
  );
}
