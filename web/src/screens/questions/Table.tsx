import { useMemo, useState } from "react";

import { useRows } from "../../parts/rows";
import { Cell } from "./Cell";
import { columnsOf, isFigure, nextSort, sorted, type Column } from "./columns";
import type { Answer } from "./queries";

/** So many rows are in the page at first, and so many more at a time. */
const AT_A_TIME = 200;

interface Sorting {
  sort: string | undefined;
  onSort: (sort: string | undefined) => void;
}

/** The rows of an answer. The roles are said because a phone shows the rows as cards, and what is laid out so would be no table any more. */
export function Table({ of, name, sort, onSort }: { of: Answer; name: string } & Sorting) {
  const [most, setMost] = useState(AT_A_TIME);
  const columns = useMemo(() => columnsOf(of), [of]);
  const rows = useMemo(() => sorted(of.rows, columns, sort), [of, columns, sort]);
  const left = rows.length - most;
  return (
    <>
      {columns.some(({ kind }) => kind === "request") && <Keys />}
      <SortBy columns={columns} sort={sort} onSort={onSort} />
      <div className="questions-table">
        <table role="table" aria-label={name}>
          <thead role="rowgroup">
            <tr role="row">
              {columns.map((column) => (
                <Head key={column.name} column={column} sort={sort} onSort={onSort} />
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.slice(0, most).map((row, index) => (
              <tr key={index} role="row">
                {columns.map((column) => (
                  <td
                    key={column.name}
                    role="cell"
                    className={isFigure(column) ? "number" : `questions-${column.kind}`}
                    data-label={column.label}
                  >
                    <Cell key={String(row[column.at])} column={column} value={row[column.at]} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {left > 0 && (
        <button type="button" className="questions-more" onClick={() => setMost(most + AT_A_TIME)}>
          Show {Math.min(left, AT_A_TIME)} more of {left.toLocaleString()}
        </button>
      )}
    </>
  );
}

function Keys() {
  useRows("request");
  return null;
}

function Head({ column, sort, onSort }: { column: Column } & Sorting) {
  const up = sort === column.name;
  const down = sort === `-${column.name}`;
  return (
    <th
      role="columnheader"
      scope="col"
      className={isFigure(column) ? "number" : undefined}
      aria-sort={up ? "ascending" : down ? "descending" : undefined}
    >
      <button type="button" className="quiet" onClick={() => onSort(nextSort(column, sort))}>
        {!isFigure(column) && column.label}
        <span aria-hidden="true" className={up || down ? undefined : "questions-unsorted"}>
          {isFigure(column) ? (down ? "↓ " : "↑ ") : down ? " ↓" : " ↑"}
        </span>
        {isFigure(column) && column.label}
      </button>
    </th>
  );
}

/** The same where a narrow window shows no heads. */
function SortBy({ columns, sort, onSort }: { columns: Column[] } & Sorting) {
  const orders = columns.flatMap(({ name, label }) => [
    { value: name, words: `${label} ↑` },
    { value: `-${name}`, words: `${label} ↓` },
  ]);
  return (
    <label className="questions-sort">
      Sort by
      <select
        value={orders.some(({ value }) => value === sort) ? sort : ""}
        onChange={(event) => onSort(event.target.value === "" ? undefined : event.target.value)}
      >
        <option value="">as it was answered</option>
        {orders.map(({ value, words }) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}
