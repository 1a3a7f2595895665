import { useMemo } from "react";

import { parametersOf, togetherOf, type Parameter } from "./schema";

/** What an action takes. */
export function Parameters({ schema }: { schema: unknown }) {
  const rows = useMemo(() => parametersOf(schema), [schema]);
  const together = useMemo(() => togetherOf(schema), [schema]);
  if (rows.length === 0) return <p>It takes none.</p>;
  return (
    <>
      <Table rows={rows} caption="Parameters" standards />
      {together.map((rule) => (
        <p key={rule} className="actions-long">
          {rule}
        </p>
      ))}
    </>
  );
}

/** What it gives to the steps after it. */
export function Outputs({ schema }: { schema: unknown }) {
  const rows = useMemo(() => parametersOf(schema), [schema]);
  if (rows.length === 0) return null;
  return (
    <section className="actions-section">
      <h3>What it gives back</h3>
      <Table rows={rows} caption="Outputs" standards={false} />
    </section>
  );
}

function Table({ rows, caption, standards }: { rows: Parameter[]; caption: string; standards: boolean }) {
  return (
    <table className="actions-table" role="table">
      <caption className="visually-hidden">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            Name
          </th>
          <th role="columnheader" scope="col">
            Type
          </th>
          <th role="columnheader" scope="col">
            What it is
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row, index) => (
          <tr key={index} role="row">
            <th role="rowheader" scope="row" className={`actions-depth-${Math.min(row.depth, 3)}`}>
              {row.depth > 0 && <span aria-hidden="true">└ </span>}
              <code>{row.name}</code>
              {standards && row.required && <span className="actions-needed">needed</span>}
            </th>
            <td role="cell">
              {row.type}
              {standards && row.standard !== undefined && (
                <span className="actions-rule faint" title={row.standard}>
                  default: <code>{row.standard}</code>
                </span>
              )}
            </td>
            <td role="cell">
              {row.description}
              {row.rules.map((rule, place) => (
                <span key={place} className="actions-rule faint" title={rule}>
                  {rule}
                </span>
              ))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
