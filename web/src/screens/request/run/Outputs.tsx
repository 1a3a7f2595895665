import { words } from "../../../parts/Status";
import { outputsOf, readable, type Task } from "./read";

/** What an action gave: short values beside their names, long ones to be opened. */
export function Outputs({ task }: { task: Task }) {
  const outputs = outputsOf(task);
  if (outputs.length === 0) return null;
  return (
    <dl className="run-pairs">
      {outputs.map(([name, value]) => (
        <div key={name}>
          <dt>{words(name)}</dt>
          <dd>
            <Value value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

const SHORT = 160;
const MOST = 20;

type Flat = Record<string, string | number | boolean | null>;

function isFlat(value: unknown): value is Flat {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((item) => typeof item !== "object" || item === null)
  );
}

function Pairs({ of }: { of: Flat }) {
  return (
    <span className="run-flat">
      {Object.entries(of).map(([name, value]) => (
        <span key={name}>
          <span className="faint">{words(name)}</span> {String(value ?? "–")}
        </span>
      ))}
    </span>
  );
}

function Value({ value }: { value: unknown }) {
  const text = readable(value);
  if (isFlat(value) && text.length < 4 * SHORT) return <Pairs of={value} />;
  if (Array.isArray(value) && value.length > 0 && value.length <= MOST && value.every(isFlat))
    return (
      <ul>
        {value.map((entry, number) => (
          <li key={number}>
            <Pairs of={entry} />
          </li>
        ))}
      </ul>
    );
  if (/^https?:\/\/[^\s]+$/.test(text))
    return (
      <a href={text} target="_blank" rel="noreferrer">
        {text}
      </a>
    );
  if (text.length <= SHORT) return <>{text}</>;
  const what = Array.isArray(value) ? `${value.length} entries` : `${text.length.toLocaleString()} characters`;
  return (
    <details>
      <summary>{what}</summary>
      <pre className="run-value" tabIndex={0} role="group" aria-label="The whole value">
        {text}
      </pre>
    </details>
  );
}
