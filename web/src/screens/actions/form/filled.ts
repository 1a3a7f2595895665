import type { Shape } from "./shape";

/** What stands in a form: texts as they are typed, lists and groups of them. */
export type Raw = string | Raw[] | { [name: string]: Raw };
/** What is wrong, by the place of its field: `parameters.portals.0.url`. */
export type Mistakes = Record<string, string>;

export const asText = (raw: Raw | undefined): string => (typeof raw === "string" ? raw : "");
export const asList = (raw: Raw | undefined): Raw[] => (Array.isArray(raw) ? raw : []);
export const asGroup = (raw: Raw | undefined): Record<string, Raw> =>
  typeof raw === "object" && !Array.isArray(raw) ? raw : {};

const SECRET = "secret://";

/** A value, such as one of an address, as it is filled in. */
export function fill(shape: Shape, value: unknown): Raw {
  if (value === undefined || value === null) return shape.kind === "list" ? [] : shape.kind === "group" ? {} : "";
  const { item } = shape;
  switch (shape.kind) {
    case "choice":
      return String(shape.choices.findIndex((choice) => choice === value || String(choice) === String(value)));
    case "yesno":
      return value === true || value === "true" || value === "yes" ? "yes" : "no";
    case "list":
      return item === undefined ? [] : (Array.isArray(value) ? value : [value]).map((one) => fill(item, one));
    case "group": {
      const of = typeof value === "object" ? (value as Record<string, unknown>) : {};
      return Object.fromEntries(
        shape.members.filter(({ name }) => name in of).map((member) => [member.name, fill(member, of[member.name])]),
      );
    }
    case "json":
      return JSON.stringify(value);
    default:
      return typeof value === "string" ? value : JSON.stringify(value);
  }
}

/** The value that stands in a form, undefined where nothing does; what is plainly wrong is noted. */
export function take(shape: Shape, raw: Raw | undefined, place: string, mistakes: Mistakes): unknown {
  const value = read(shape, raw, place, mistakes);
  if (value === undefined && shape.required && shape.standard === undefined && mistakes[place] === undefined)
    mistakes[place] = "This is needed.";
  return value;
}

function read(shape: Shape, raw: Raw | undefined, place: string, mistakes: Mistakes): unknown {
  switch (shape.kind) {
    case "list":
      return readList(shape, asList(raw), place, mistakes);
    case "group":
      return readGroup(shape, asGroup(raw), place, mistakes);
    case "choice":
      return asText(raw) === "" ? undefined : shape.choices[Number(raw)];
    case "yesno":
      return asText(raw) === "" ? undefined : asText(raw) === "yes";
    default:
      return readText(shape, asText(raw), place, mistakes);
  }
}

function readText(shape: Shape, typed: string, place: string, mistakes: Mistakes): unknown {
  const wrong = (message: string) => {
    mistakes[place] = message;
    return undefined;
  };
  if (typed.trim() === "") return undefined;
  switch (shape.kind) {
    case "integer":
    case "number":
      return readNumber(shape, typed.trim(), wrong);
    case "json":
      try {
        return JSON.parse(typed) as unknown;
      } catch (error) {
        return wrong(`This is no JSON: ${error instanceof Error ? error.message : String(error)}`);
      }
    case "host":
      return typed.trim();
    default: {
      const message = aboutText(shape, typed);
      return message === undefined ? typed : wrong(message);
    }
  }
}

function aboutText({ schema, secret }: Shape, typed: string): string | undefined {
  const { minLength, maxLength, pattern } = schema;
  const long = Array.from(typed).length;
  if (secret && !(typed.startsWith(SECRET) && typed.length > SECRET.length))
    return `This is a secret: say ${SECRET}NAME, and keep its value in secrets.toml in the agent’s folder.`;
  if (typeof minLength === "number" && long < minLength) return `At least ${minLength} characters; these are ${long}.`;
  if (typeof maxLength === "number" && long > maxLength) return `At most ${maxLength} characters; these are ${long}.`;
  if (typeof pattern !== "string") return undefined;
  try {
    return new RegExp(pattern, "u").test(typed) ? undefined : `It must fit ${pattern}`;
  } catch {
    // A pattern that only the server reads is checked there.
    return undefined;
  }
}

function readNumber({ kind, schema }: Shape, typed: string, wrong: (message: string) => undefined): unknown {
  const value = Number(typed);
  if (Number.isNaN(value) || !Number.isFinite(value)) return wrong(`“${typed}” is no number.`);
  if (kind === "integer" && !/^[-+]?\d+$/.test(typed)) return wrong("A whole number, without a fraction.");
  if (kind === "integer" && !Number.isSafeInteger(value)) return wrong("This number is too large.");
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (typeof minimum === "number" && value < minimum) return wrong(`At least ${minimum}.`);
  if (typeof maximum === "number" && value > maximum) return wrong(`At most ${maximum}.`);
  if (typeof exclusiveMinimum === "number" && value <= exclusiveMinimum) return wrong(`More than ${exclusiveMinimum}.`);
  if (typeof exclusiveMaximum === "number" && value >= exclusiveMaximum) return wrong(`Less than ${exclusiveMaximum}.`);
  return value;
}

function readList({ item, schema, label }: Shape, raw: Raw[], place: string, mistakes: Mistakes): unknown {
  if (item === undefined || raw.length === 0) return undefined;
  const { minItems, maxItems } = schema;
  if (typeof minItems === "number" && raw.length < minItems) mistakes[place] = `At least ${minItems}.`;
  if (typeof maxItems === "number" && raw.length > maxItems) mistakes[place] = `At most ${maxItems}.`;
  return raw.map((one, at) => {
    const value = take(item, one, `${place}.${at}`, mistakes);
    if (value === undefined && mistakes[`${place}.${at}`] === "This is needed.")
      mistakes[`${place}.${at}`] = `Fill this in, or take ${label} ${at + 1} away.`;
    return value;
  });
}

function readGroup({ members, required }: Shape, raw: Record<string, Raw>, place: string, mistakes: Mistakes): unknown {
  const inside: Mistakes = {};
  const entries = members
    .map(({ name, ...shape }) => [name, take({ name, ...shape }, raw[name], `${place}.${name}`, inside)] as const)
    .filter(([, value]) => value !== undefined);
  // A group that may be left out, and is.
  if (entries.length === 0 && !required && Object.values(inside).every((message) => message === "This is needed."))
    return undefined;
  Object.assign(mistakes, inside);
  return Object.fromEntries(entries);
}

/** Whether a form has something in it. */
export function holds(raw: Raw | undefined): boolean {
  if (raw === undefined) return false;
  if (typeof raw === "string") return raw !== "";
  return (Array.isArray(raw) ? raw : Object.values(raw)).some(holds) || (Array.isArray(raw) && raw.length > 0);
}
