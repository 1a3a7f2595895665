/** Reads JSON of any shape: what is missing or of another kind is left out, and nothing breaks. */
export type Fields = Record<string, unknown>;

export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function texts(value: unknown): string[] {
  return list(value).filter((item): item is string => typeof item === "string");
}

/** What an error that stands in an answer tells: its code, where it has one, and its words. */
export interface Told {
  code?: number;
  message: string;
}

export function told(value: unknown): Told | undefined {
  if (value === null || value === undefined) return undefined;
  const { code, message } = fields(value);
  const words = text(message) ?? text(value) ?? JSON.stringify(value);
  const known = number(code);
  return known === undefined ? { message: words } : { code: known, message: words };
}
