import type { ReactNode } from "react";

import "./Section.css";

/** A table whose rows are blocks on a narrow screen: cells carry their column's name as `data-label`. */
export function Stacked({ name, columns, children }: { name: string; columns: string[]; children: ReactNode }) {
  return (
    <div className="stacked">
      <table aria-label={name}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column === "" ? <span className="visually-hidden">What to do</span> : column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
