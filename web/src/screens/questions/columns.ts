import type { Answer } from "./queries";

/** What is in a column, and so how it is shown. */
export type Kind =
  "request" | "host" | "person" | "action" | "code" | "status" | "moment" | "seconds" | "number" | "long" | "text";

export interface Column {
  name: string;
  label: string;
  kind: Kind;
  /** Its place in each row. */
  at: number;
}

const BY_NAME: Record<string, Kind> = {
  request_id: "request",
  host: "host",
  person: "person",
  requested_by: "person",
  action: "action",
  code: "code",
  status: "status",
};

const LABELS: Record<string, string> = {
  request_id: "Request id",
  agent_id: "Agent",
  requested_by: "Asked by",
  created_at: "Asked",
  finished_at: "Ended",
  first: "First",
  last: "Last",
  commit: "Commit",
  day: "Day (UTC)",
  hour: "Hour (UTC)",
  status: "State",
  p95_seconds: "95th percentile",
};

const UNITS: [end: string, unit: string][] = [
  ["_seconds", ""],
  ["_percent", ", %"],
  ["_usd", ", USD"],
  ["_mb", ", MB"],
  ["_gb", ", GB"],
  ["_hours", ", hours"],
];

/** A text of more characters than that takes several lines. */
const WIDE = 40;

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** `failed_percent` as people read it: `Failed, %`. */
export function labelOf(name: string): string {
  const known = LABELS[name];
  if (known !== undefined) return known;
  const [end = "", unit = ""] = UNITS.find(([end]) => name.endsWith(end)) ?? [];
  const words = name
    .slice(0, name.length - end.length)
    .replaceAll("_", " ")
    .replace(/\b[cg]pu\b/g, (unit) => unit.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1) + unit;
}

/** Whether a figure was measured. All others are counted, and none counted is 0. */
export function isMeasured(name: string): boolean {
  return UNITS.some(([end]) => name.endsWith(end));
}

export function columnsOf({ columns, rows }: Answer): Column[] {
  return columns.map((name, at) => {
    const there = rows.map((row) => row[at]).filter((value) => value !== null && value !== undefined);
    return { name, label: labelOf(name), kind: BY_NAME[name] ?? kindOf(name, there), at };
  });
}

function kindOf(name: string, values: unknown[]): Kind {
  if (values.length === 0) return "text";
  if (values.every((value) => typeof value === "number")) return name.endsWith("_seconds") ? "seconds" : "number";
  if (values.every((value) => typeof value === "string" && MOMENT.test(value))) return "moment";
  return values.some((value) => String(value).length > WIDE) ? "long" : "text";
}

export function isFigure({ kind }: Column): boolean {
  return kind === "number" || kind === "seconds";
}

/** The order that the address names: a column's name, with `-` from the most to the least. */
export function sorted(rows: Answer["rows"], columns: Column[], sort: string | undefined): Answer["rows"] {
  const down = sort?.startsWith("-") === true;
  const column = columns.find(({ name }) => name === (down ? sort?.slice(1) : sort));
  if (column === undefined) return rows;
  return rows.toSorted((one, other) => {
    const [a, b] = [one[column.at], other[column.at]];
    // What is missing comes last, whichever way.
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    const order = compare(a, b);
    return down ? -order : order;
  });
}

const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return words.compare(String(a), String(b));
}

/** The order after a click on a column: figures and times from the most, words from A; then the other way; then as it came. */
export function nextSort(column: Column, sort: string | undefined): string | undefined {
  const first = isFigure(column) || column.kind === "moment" ? `-${column.name}` : column.name;
  const second = first === column.name ? `-${column.name}` : column.name;
  if (sort === first) return second;
  return sort === second ? undefined : first;
}
