import { api, held, type Schemas } from "../../../api/client";

export type Said = Schemas["LogLine"];

/** So many lines are asked for at once: the most that a call gives. */
export const PAGE = 2000;
/** And so many before any are shown: more than a screen has, and soon there. */
export const FIRST = 200;

export interface Attempt {
  attempt: number;
  /** How many lines of it are stored without a gap. */
  lines: number;
}

/** Where lines come from. A cursor is `attempt.seq` of the line before, so every place of a log is one call away. */
export interface Source {
  attempts(signal: AbortSignal): Promise<Attempt[]>;
  after(attempt: number, seq: number, limit: number, signal: AbortSignal): Promise<Schemas["LogPage"]>;
}

export function sourceOf(taskId: string): Source {
  return {
    async attempts(signal) {
      const task = await held(api.GET("/tasks/{id}", { params: { path: { id: taskId } }, signal }));
      return task.attempts.map(({ attempt, stored_seq }) => ({ attempt, lines: stored_seq }));
    },
    after: (attempt, seq, limit, signal) =>
      held(
        api.GET("/tasks/{id}/logs", {
          params: { path: { id: taskId }, query: { cursor: `${attempt}.${seq}`, limit } },
          signal,
        }),
      ),
  };
}
