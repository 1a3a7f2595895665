import { Problem } from "../../../api/problem";
import { asGroup, asList, fill, take, type Mistakes, type Raw } from "./filled";
import type { Shape } from "./shape";

/** A form as it is filled in, and kept. */
export interface Form {
  hosts: string[];
  values: Record<string, Raw>;
}

export const EMPTY: Form = { hosts: [], values: {} };

/** A form that was kept, whatever it was kept by. */
export function formOf(kept: string): Form {
  try {
    const of = JSON.parse(kept) as Partial<Form> | null;
    const hosts = Array.isArray(of?.hosts) ? of.hosts.filter((host): host is string => typeof host === "string") : [];
    return { hosts, values: asGroup(of?.values) };
  } catch {
    return EMPTY;
  }
}

/** The form that an address fills: `on` names hosts, with commas between them, everything else a parameter. */
export function linked(search: Record<string, unknown>, shapes: Shape[]): Form | undefined {
  const { on } = search;
  const hosts = typeof on === "string" || typeof on === "number" ? String(on).split(",").filter(Boolean) : [];
  const given = shapes.filter(({ name }) => search[name] !== undefined);
  if (hosts.length === 0 && given.length === 0) return undefined;
  return { hosts, values: Object.fromEntries(given.map((shape) => [shape.name, fill(shape, search[shape.name])])) };
}

/** What is sent, and what is plainly wrong with it. */
export function sent(form: Form, shapes: Shape[], hostsNeeded: boolean): [Record<string, unknown>, Mistakes] {
  const mistakes: Mistakes = {};
  if (hostsNeeded && form.hosts.length === 0) mistakes.hosts = "Choose at least one host or group.";
  const values = shapes.map((shape) => [
    shape.name,
    take(shape, form.values[shape.name], `parameters.${shape.name}`, mistakes),
  ]);
  return [Object.fromEntries(values.filter(([, value]) => value !== undefined)), mistakes];
}

/** The places that have a field of their own. */
function places(shape: Shape, raw: Raw | undefined, place: string): string[] {
  const { item } = shape;
  if (shape.kind === "group")
    return [place, ...shape.members.flatMap((one) => places(one, asGroup(raw)[one.name], `${place}.${one.name}`))];
  if (item === undefined) return [place];
  return [place, ...asList(raw).flatMap((one, at) => places(item, one, `${place}.${at}`))];
}

/** What the server says is wrong, at the nearest field that there is; the rest under no name. */
export function refused(error: unknown, form: Form, shapes: Shape[]): Mistakes | undefined {
  if (!(error instanceof Problem)) return undefined;
  const details = error.details.details as { problems?: { field?: unknown; message?: unknown }[] } | null;
  if (!Array.isArray(details?.problems)) return undefined;
  const known = new Set(
    shapes.flatMap((shape) => places(shape, form.values[shape.name], `parameters.${shape.name}`)).concat("hosts"),
  );
  const mistakes: Mistakes = {};
  for (const { field, message } of details.problems) {
    let place = String(field).replace(/^action\./, "");
    while (place !== "" && !known.has(place)) place = place.slice(0, Math.max(0, place.lastIndexOf(".")));
    mistakes[place] = mistakes[place] === undefined ? String(message) : `${mistakes[place]}; ${String(message)}`;
  }
  return mistakes;
}
