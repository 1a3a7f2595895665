import { useState } from "react";

import { Copy } from "../../../../parts/Copy";
import { fields, type Fields } from "../../../../api/reading";
import { count, cut } from "../../../../parts/words";
import "./value.css";

/** Longer texts are folded. */
const TEXT = 400;
/** So many lines or rows of a long one are shown at first. */
const ROWS = 12;
/** Deeper than this, JSON is shown as it is written. */
const DEEPEST = 4;

/** Names and their values, however deep they are. */
export function Values({ of, depth = 0 }: { of: Fields; depth?: number }) {
  return (
    <dl className="change-values">
      {Object.entries(of).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <Value of={value} depth={depth + 1} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function Value({ of, depth = 0 }: { of: unknown; depth?: number }) {
  if (of === null || of === undefined) return <span className="faint">nothing</span>;
  if (typeof of === "string") return <Text text={of} />;
  if (typeof of === "boolean") return <>{of ? "yes" : "no"}</>;
  if (typeof of !== "object") return <code>{String(of)}</code>;
  if (depth > DEEPEST) return <Text text={JSON.stringify(of, null, 2)} />;
  if (Array.isArray(of)) return <Items items={of} depth={depth} />;
  if (Object.keys(of).length === 0) return <span className="faint">nothing</span>;
  return <Values of={fields(of)} depth={depth} />;
}

function Items({ items, depth }: { items: unknown[]; depth: number }) {
  const [whole, setWhole] = useState(false);
  if (items.length === 0) return <span className="faint">none</span>;
  const shown = whole ? items : items.slice(0, ROWS);
  const columns = columnsOf(items);
  return (
    <>
      {columns !== undefined ? (
        <Table columns={columns} rows={shown.map(fields)} />
      ) : (
        <ul className="change-items">
          {shown.map((item, index) => (
            <li key={index}>
              <Value of={item} depth={depth + 1} />
            </li>
          ))}
        </ul>
      )}
      {shown.length < items.length && (
        <button type="button" className="quiet" onClick={() => setWhole(true)}>
          Show {count(items.length - shown.length, "more", "more")}
        </button>
      )}
    </>
  );
}

/** The columns of a list of flat things; nothing where a table would not fit. */
function columnsOf(items: unknown[]): string[] | undefined {
  const columns = new Set<string>();
  for (const item of items) {
    const entries = Object.entries(fields(item));
    if (entries.length === 0 || entries.some(([, value]) => typeof value === "object" && value !== null))
      return undefined;
    for (const [name] of entries) columns.add(name);
  }
  return columns.size <= 5 ? [...columns] : undefined;
}

function Table({ columns, rows }: { columns: string[]; rows: Fields[] }) {
  return (
    <table className="change-table">
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column} scope="col">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <tr key={index}>
            {columns.map((column) => (
              <td key={column} data-column={column}>
                {row[column] === undefined ? <span className="faint">–</span> : <Value of={row[column]} />}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Text({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  if (text === "") return <span className="faint">empty</span>;
  const lines = text.split("\n");
  if (lines.length <= 1 && text.length <= TEXT) return <code className="change-code">{text}</code>;
  const folded = cut(lines.slice(0, ROWS).join("\n"), TEXT);
  const isCut = folded.length < text.length;
  return (
    <>
      <pre className="change-text">{whole ? text : folded}</pre>
      {isCut && (
        <button type="button" className="quiet" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole
            ? "Show less"
            : `Show all (${lines.length > 1 ? count(lines.length, "line") : count(text.length, "character")})`}
        </button>
      )}
      {isCut && <Copy text={text} />}
    </>
  );
}
