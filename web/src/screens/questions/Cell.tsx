import { Link } from "@tanstack/react-router";
import { Fragment, useState } from "react";

import { Status } from "../../parts/Status";
import { duration, Time } from "../../parts/Time";
import { short } from "../../parts/words";
import type { Column, Kind } from "./columns";

const LONG = 180;
const CODE = /^\d{4}$/;

/** One value, by what its column holds. */
export function Cell({ column, value }: { column: Column; value: unknown }) {
  if (value === null || value === undefined || value === "")
    return (
      <span className="faint">
        <span aria-hidden="true">–</span>
        <span className="visually-hidden">none</span>
      </span>
    );
  if (typeof value === "number" && column.kind !== "code") return <Figure kind={column.kind} value={value} />;
  if (typeof value === "boolean") return value ? "yes" : "no";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  switch (column.kind) {
    case "request":
      return (
        <Link to="/requests/$id" params={{ id: text }} data-row="" title={text}>
          <code>{short(text)}</code>
        </Link>
      );
    case "host":
      return (
        <Link to="/requests" search={{ host: text }} title={`Requests on ${text}`}>
          {text}
        </Link>
      );
    case "person":
      return (
        <Link to="/requests" search={{ who: text }} title={`What ${text} asked for`}>
          {text}
        </Link>
      );
    case "action":
      return (
        <Link to="/requests" search={{ action: text }} title={`Requests with ${text}`}>
          <Dotted text={text} />
        </Link>
      );
    case "code":
      return CODE.test(text) ? (
        <a href={`/docs/errors/${text}`} target="_blank" rel="noreferrer" title={`What ${text} means, and what to do`}>
          {text}
        </a>
      ) : (
        text.replaceAll("_", " ")
      );
    case "status":
      return <Status of={text} />;
    case "moment":
      return <Time at={text} />;
    default:
      return column.name === "commit" ? <code>{text}</code> : <Long text={text} />;
  }
}

/** A name that a narrow column breaks at its dots. */
function Dotted({ text }: { text: string }) {
  return text.split(".").map((part, at) => (
    <Fragment key={at}>
      {at > 0 && "."}
      {at > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}

/** A figure as people read it; as it came where one points at it. */
function Figure({ kind, value }: { kind: Kind; value: number }) {
  return <span title={String(value)}>{figure(kind === "seconds", value)}</span>;
}

export function figure(isSeconds: boolean, value: number): string {
  if (isSeconds && value >= 0) return duration(value);
  return value.toLocaleString(undefined, { maximumFractionDigits: 4 });
}

function Long({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  if (text.length <= LONG) return <span className="questions-text">{text}</span>;
  return (
    <span className="questions-text">
      {all ? text : `${text.slice(0, LONG).trimEnd()}…`}{" "}
      <button type="button" className="quiet questions-all" aria-expanded={all} onClick={() => setAll(!all)}>
        {all ? "Show less" : `Show all ${text.length.toLocaleString()} characters`}
      </button>
    </span>
  );
}
