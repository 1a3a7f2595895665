import { Command, Copy } from "../../parts/Copy";
import type { Answer } from "./queries";

/** What was asked, to be asked elsewhere and changed. */
export function Sql({ of }: { of: Answer }) {
  return (
    <details className="questions-sql">
      <summary>The SQL of this answer, and how to ask at a terminal</summary>
      <pre tabIndex={0} role="group" aria-label="The SQL of this answer">
        {of.sql}
      </pre>
      <p className="faint">
        <Command text={`chiffon question ${of.name} --since ${of.since} --until ${of.until}`} />
      </p>
    </details>
  );
}

export function CopySql({ of }: { of: Answer }) {
  return <Copy text={of.sql} label="Copy the SQL" />;
}
