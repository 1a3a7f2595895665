import { useState } from "react";

import { Time } from "./Time";
import "./Value.css";

const LONG = 600;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const TOKEN = /^[0-9a-f-]{32,}$/;

/** `max_cost_usd` as people read it. */
function label(name: string): string {
  return name.replaceAll("_", " ");
}

/** Any JSON as people read it: names and values, one below the other, without braces and quotes. */
export function Value({ of, deep = 0 }: { of: unknown; deep?: number }) {
  if (of === null || of === undefined) return <span className="value-none">none</span>;
  if (typeof of === "boolean") return of ? "yes" : "no";
  if (typeof of === "string") return <Text of={of} />;
  if (typeof of !== "object") return String(of);
  // What is nested this deep was not made for people.
  if (deep > 12) return <code className="value-code">{JSON.stringify(of)}</code>;
  if (Array.isArray(of)) return <List of={of} deep={deep} />;
  return <Fields of={of} deep={deep} />;
}

export function Fields({ of, deep = 0 }: { of: object; deep?: number }) {
  const entries = Object.entries(of);
  if (entries.length === 0) return <span className="value-none">nothing</span>;
  return (
    <dl className="value-fields">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{label(name)}</dt>
          <dd>
            <Value of={value} deep={deep + 1} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function List({ of, deep }: { of: unknown[]; deep: number }) {
  if (of.length === 0) return <span className="value-none">none</span>;
  if (of.length === 1) return <Value of={of[0]} deep={deep + 1} />;
  return (
    <ol className="value-list">
      {of.map((item, at) => (
        <li key={at}>
          <Value of={item} deep={deep + 1} />
        </li>
      ))}
    </ol>
  );
}

function Text({ of }: { of: string }) {
  const [all, setAll] = useState(false);
  if (of === "") return <span className="value-none">empty</span>;
  if (MOMENT.test(of)) return <Time at={of} />;
  if (TOKEN.test(of)) return <code className="value-code">{of}</code>;
  if (of.length <= LONG) return <span className="value-text">{of}</span>;
  return (
    <span className="value-text">
      {all ? of : `${of.slice(0, LONG)}…`}{" "}
      <button type="button" className="quiet" onClick={() => setAll(!all)}>
        {all ? "Show less" : `Show all ${of.length.toLocaleString()} characters`}
      </button>
    </span>
  );
}
