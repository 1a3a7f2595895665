import { Link } from "@tanstack/react-router";
import { memo } from "react";

import { Risk, Status } from "../../parts/Status";
import { duration, Since, Time } from "../../parts/Time";
import { errorText } from "../../parts/errors";
import type { Summary } from "./list";
import { useRows } from "../../parts/rows";

const HEADS = ["Request", "State", "Risk", "Asked by", "Asked", "Took"];

/** The roles are said because a phone shows the rows as cards, and what is laid out so would be no table any more. */
export function Rows({ items, busy }: { items: Summary[]; busy: boolean }) {
  useRows("request");
  return (
    <table className={busy ? "requests-table busy" : "requests-table"} role="table" aria-busy={busy}>
      <caption className="visually-hidden">Requests, newest first</caption>
      <thead role="rowgroup">
        <tr role="row">
          {HEADS.map((head) => (
            <th key={head} role="columnheader" scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {items.map((item) => (
          <Row key={item.request_id} item={item} />
        ))}
      </tbody>
    </table>
  );
}

const Row = memo(function Row({ item }: { item: Summary }) {
  const { request_id: id, status, text, summary, risk, requested_by: who, origin } = item;
  return (
    <tr role="row">
      <td role="cell" className="requests-what">
        <Link to="/requests/$id" params={{ id }} className="requests-link" data-row="">
          {text === "" ? id : text}
        </Link>
        <Told item={item} />
        {summary !== null && summary !== undefined && summary !== text && (
          <span className="requests-summary faint">{summary}</span>
        )}
      </td>
      <td role="cell" className="requests-state">
        <Status of={status} />
      </td>
      <td role="cell" className="requests-risk">
        {risk !== null && risk !== undefined && <Risk of={risk} />}
      </td>
      <td role="cell" className="requests-who">
        <span title={who}>{who}</span>
        {origin.kind !== "person" && <span className="faint"> by {origin.kind}</span>}
      </td>
      <td role="cell" className="requests-when">
        <Time at={item.created_at} />
      </td>
      <td role="cell" className="requests-took">
        <Took item={item} />
        {item.cost_usd > 0 && <span className="faint">{item.cost_usd.toFixed(4)} USD</span>}
      </td>
    </tr>
  );
});

/** What it waits for and since when, or what went wrong. */
function Told({ item }: { item: Summary }) {
  if (item.waiting_for) {
    const { what, text, since } = item.waiting_for;
    return (
      <span className="requests-waits">
        Waits <Since at={since} />
        {what === "approval" ? ` for ${text}` : `${what === "answer" ? " for an answer" : ""}: ${text}`}
      </span>
    );
  }
  const error = errorText(item.error);
  return error === undefined ? null : <span className="requests-error">{error}</span>;
}

function Took({ item }: { item: Summary }) {
  if (!item.finished_at) return null;
  const seconds = (Date.parse(item.finished_at) - Date.parse(item.created_at)) / 1000;
  return <span title="From when it was asked until its end">{duration(Math.max(0, seconds))}</span>;
}
