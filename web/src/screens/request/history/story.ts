import type { Schemas } from "../../../api/client";

export type Entry =
  | { kind: "event"; at: number; event: Schemas["AuditView"] }
  | { kind: "message"; at: number; message: Schemas["MessageView"]; number: number };

/** Events and what was said, by time. What was said after the last event that is here waits until the others are. */
export function storyOf(events: Schemas["AuditView"][], messages: Schemas["MessageView"][], isWhole: boolean): Entry[] {
  const last = events.at(-1);
  const until = isWhole || last === undefined ? Infinity : Date.parse(last.at);
  // The first words of a person are the event of the asking itself.
  const said = messages
    .map((message, number): Entry => ({ kind: "message", at: Date.parse(message.at), message, number }))
    .filter(({ at }) => at <= until);
  const done = events.map((event): Entry => ({ kind: "event", at: Date.parse(event.at), event }));
  const words = new Set(events.flatMap(({ data }) => textsOf(data)));
  const others = said.filter((entry) => entry.kind !== "message" || !words.has(entry.message.text));
  return [...done, ...others].toSorted((one, other) => one.at - other.at);
}

/** What an event tells in words already. */
function textsOf(data: unknown): string[] {
  if (typeof data !== "object" || data === null) return [];
  const { text, comment } = data as { text?: unknown; comment?: unknown };
  return [text, comment].filter((value) => typeof value === "string");
}

/** Titles of tasks by their ids, also of those that no plan has any more. */
export function titlesOf(events: Schemas["AuditView"][], tasks: Schemas["TaskView"][]): Map<string, string> {
  const titles = new Map<string, string>();
  for (const { event, data } of events) {
    if (event !== "tasks.created") continue;
    const created = (data as { tasks?: { task_id?: unknown; title?: unknown }[] } | null)?.tasks;
    for (const { task_id, title } of Array.isArray(created) ? created : [])
      if (typeof task_id === "string" && typeof title === "string") titles.set(task_id, title);
  }
  for (const { task_id, title } of tasks) titles.set(task_id, title);
  return titles;
}
