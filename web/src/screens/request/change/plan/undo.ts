import { fields, type Fields } from "../../../../api/reading";
import type { Step } from "./step";

/** What takes a step back, with what is known of it filled in: `remove_kuma, host = nas`. */
export function undoOf(step: Step): string | undefined {
  if (step.undo === undefined) return undefined;
  const filled = Object.entries(step.undo.with).map(([name, value]) => `${name} = ${fill(value, step.parameters)}`);
  return [step.undo.action, ...filled].join(", ");
}

const REFERENCE = /^\$\{parameters\.([A-Za-z0-9_.]+)\}$/;

function fill(value: unknown, parameters: Fields): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const path = REFERENCE.exec(value)?.[1]?.split(".");
  if (path === undefined) return value;
  let found: unknown = parameters;
  for (const name of path) found = fields(found)[name];
  if (found === undefined) return value;
  return typeof found === "string" ? found : JSON.stringify(found);
}
