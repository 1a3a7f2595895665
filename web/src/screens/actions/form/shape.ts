import { rulesOf } from "../schema";

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** How a parameter is filled in. What no control is made for is written as JSON. */
export type Kind = "text" | "lines" | "number" | "integer" | "choice" | "yesno" | "host" | "list" | "group" | "json";

/** A parameter, or a part of one, as a form has it. */
export interface Shape {
  kind: Kind;
  name: string;
  label: string;
  description: string;
  required: boolean;
  /** Taken where nothing is said; undefined where there is none. */
  standard: unknown;
  secret: boolean;
  /** What a value must keep, in words. */
  rules: string[];
  schema: Fields;
  choices: unknown[];
  item: Shape | undefined;
  members: Shape[];
}

/** Deeper than this, a schema is filled in as JSON. */
const DEEPEST = 4;
/** A text that may be longer than this gets several lines. */
const ONE_LINE = 2100;
/** A pattern that is longer says nothing to people; what does not fit it is told with it. */
const LONGEST_RULE = 48;
/** What is said of a parameter that is no matter of who fills it in. */
const ELSEWHERE = /^(?:secret:|may be filled with|only as you say it)/;
const UNITS = /^(.+)_(seconds|minutes|hours|days|weeks|percent|kb|mb|gb|tb|ms)$/;

/** The parameters of an action, those first that must be given, without the one that names its hosts: hosts are chosen apart. */
export function shapesOf(schema: unknown, target: string | undefined): Shape[] {
  const all = members(fields(schema), 0).filter(({ name }) => name !== target);
  return all.toSorted((one, other) => Number(other.required) - Number(one.required));
}

/** Whether the parameter that names the hosts must be given. */
export function needsHosts(schema: unknown, target: string | undefined): boolean {
  return target !== undefined && list(fields(schema).required).includes(target);
}

function members(of: Fields, depth: number): Shape[] {
  const required = new Set(list(of.required));
  return Object.entries(fields(of.properties)).map(([name, schema]) =>
    shapeOf(name, labelOf(name, schema), schema, required.has(name), depth),
  );
}

function labelOf(name: string, schema: unknown): string {
  const title = text(fields(schema).title);
  if (title !== "") return title;
  const [, what, unit] = UNITS.exec(name) ?? [];
  const words = (what ?? name).replaceAll(/[_-]/g, " ");
  const label = words.charAt(0).toUpperCase() + words.slice(1);
  return unit === undefined ? label : `${label} (${unit})`;
}

function shapeOf(name: string, label: string, schema: unknown, required: boolean, depth: number): Shape {
  const of = fields(schema);
  const kind = kindOf(of, depth);
  return {
    kind,
    name,
    label,
    description: text(of.description),
    required,
    standard: of.default,
    secret: of.secret === true,
    rules: rulesOf(of).filter((rule) => !ELSEWHERE.test(rule) && rule.length <= LONGEST_RULE),
    schema: of,
    choices: "const" in of ? [of.const] : list(of.enum),
    item: kind === "list" ? shapeOf("", label, of.items, true, depth + 1) : undefined,
    members: kind === "group" ? members(of, depth + 1) : [],
  };
}

/** The type of a schema; of one that allows null as well, the other. */
function typeOf(of: Fields): string {
  if (typeof of.type === "string") return of.type;
  const types = list(of.type).filter((type) => type !== "null");
  return types.length === 1 ? text(types[0]) : "";
}

function kindOf(of: Fields, depth: number): Kind {
  if ("const" in of || Array.isArray(of.enum)) return "choice";
  switch (typeOf(of)) {
    case "string":
      if (of.format === "inventory-host") return "host";
      return typeof of.maxLength === "number" && of.maxLength > ONE_LINE ? "lines" : "text";
    case "integer":
      return "integer";
    case "number":
      return "number";
    case "boolean":
      return "yesno";
    case "array":
      return depth < DEEPEST && Object.keys(fields(of.items)).length > 0 ? "list" : "json";
    case "object":
      return depth < DEEPEST && Object.keys(fields(of.properties)).length > 0 ? "group" : "json";
    default:
      return "json";
  }
}
