import type { Schemas } from "../../../api/client";

export type Task = Schemas["TaskView"];

/** A request, without the parts of its plan that only who decides about it looks at. */
export type Answer = Omit<Schemas["RequestAnswer"], "plan"> & { plan?: { estimated_seconds: number } | null };

/** `{code, message, details}` of what ended something. */
export interface Told {
  code: number | undefined;
  message: string;
  details: [string, string][];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as people read it. */
export function readable(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) return value.join(", ");
  return JSON.stringify(value, undefined, 1) ?? "";
}

export function errorOf(error: unknown): Told | undefined {
  if (!isRecord(error)) return typeof error === "string" ? { code: undefined, message: error, details: [] } : undefined;
  const details = isRecord(error.details) ? error.details : {};
  return {
    code: typeof error.code === "number" ? error.code : undefined,
    message: typeof error.message === "string" ? error.message : readable(error),
    details: Object.entries(details)
      .filter(([, value]) => value !== null && value !== "")
      .map(([name, value]) => [name, readable(value)]),
  };
}

export function warningsOf({ warnings }: Task): string[] {
  return Array.isArray(warnings) ? warnings.map(readable) : [];
}

export function outputsOf({ outputs }: Task): [string, unknown][] {
  return isRecord(outputs) ? Object.entries(outputs) : [];
}

const CUT_OFF = new Set(["unknown", "interrupted"]);

/** Whether nobody but a person can say what became of it. */
export function isCutOff({ status }: Task): boolean {
  return CUT_OFF.has(status);
}

export function isRunning({ status }: Task): boolean {
  return status === "running";
}

/** Who wants to see one task first: what wants a decision, what failed, what runs, and else the last one that began; never one that was skipped. */
export function firstToShow(tasks: Task[]): Task | undefined {
  const runs = tasks.filter(({ purpose }) => purpose === "apply");
  const kept = runs.filter(({ status }) => status !== "skipped");
  const all = [kept, runs, tasks].find(({ length }) => length > 0) ?? [];
  return (
    all.find(isCutOff) ??
    all.find(({ status }) => status === "failed") ??
    all.find(isRunning) ??
    all.findLast(({ started_at }) => typeof started_at === "string") ??
    all[0]
  );
}

/** When the first of the tasks began and the last one ended; without an end while one of them goes on. */
export function spanOf(tasks: Task[]): { from: string; to: string | undefined } | undefined {
  const from = tasks.flatMap(({ started_at }) => started_at ?? []).sort()[0];
  if (from === undefined) return undefined;
  const open = tasks.some(({ finished_at }) => typeof finished_at !== "string");
  return {
    from,
    to: open
      ? undefined
      : tasks
          .flatMap(({ finished_at }) => finished_at ?? [])
          .sort()
          .at(-1),
  };
}

export function secondsBetween(from: string, to: string): number {
  return Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
}
