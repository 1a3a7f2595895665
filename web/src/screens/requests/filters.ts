import type { paths } from "../../api/schema";
import { plainly } from "../../api/plainly";
import { words } from "../../parts/Status";

/** What narrows the list, as it stands in the address. */
export interface Filters {
  status?: string;
  host?: string;
  action?: string;
  who?: string;
  text?: string;
  since?: string;
}

type Query = NonNullable<paths["/requests"]["get"]["parameters"]["query"]>;

export const STATES = [
  "planning",
  "needs_input",
  "discovering",
  "previewing",
  "awaiting_approval",
  "running",
  "needs_attention",
  "paused",
  "completed",
  "failed",
  "cancelled",
  "rejected",
  "expired",
];

/** Of these no person is needed: they go on by themselves. */
export const UNDER_WAY = "planning,discovering,previewing,running";

/** Views that people want at a key. */
export const VIEWS: { name: string; status: string | undefined }[] = [
  { name: "All", status: undefined },
  { name: "Waiting for approval", status: "awaiting_approval" },
  { name: "Running", status: UNDER_WAY },
  { name: "Failed", status: "failed" },
];

/** Ages that `since` knows by name; anything else in it is a moment. */
export const AGES: Record<string, { hours: number; words: string }> = {
  hour: { hours: 1, words: "in the last hour" },
  day: { hours: 24, words: "in the last 24 hours" },
  week: { hours: 24 * 7, words: "in the last 7 days" },
  month: { hours: 24 * 30, words: "in the last 30 days" },
};

const MINUTE = 60_000;

/** A day, or a moment of RFC 3339. What else a browser takes for a time is another one in the next browser. */
const MOMENT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** The moment that `since` means. Ages count from a full minute, so that the same list is asked for again and not another one. */
function momentOf(since: string | undefined): string | undefined {
  if (since === undefined) return undefined;
  const age = AGES[since];
  // The thirty-first of February is no day, though a browser counts on from it.
  const day = new Date(`${since.slice(0, 10)}T00:00:00Z`);
  const isDay = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(since.slice(0, 10));
  const said = MOMENT.test(since) && isDay ? Date.parse(since) : NaN;
  const at = age === undefined ? said : floorMinute(Date.now()) - age.hours * 60 * MINUTE;
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** What stands for a time in the address and is none. */
export function noTime({ since }: Filters): string | undefined {
  return since !== undefined && momentOf(since) === undefined ? plainly(since) : undefined;
}

const floorMinute = (at: number) => Math.floor(at / MINUTE) * MINUTE;

/** Ids may be shortened to eight digits; four would be words such as `cafe`. */
const LOOKS_LIKE_ID = /^[0-9a-f]{8}[0-9a-f-]{0,28}$/i;

export function queryOf({ text, since, ...same }: Filters): Query {
  const query: Query = { ...same };
  const moment = momentOf(since);
  if (moment !== undefined) query.since = moment;
  if (text !== undefined && LOOKS_LIKE_ID.test(text)) query.id = text;
  else if (text !== undefined) query.text = text;
  return query;
}

/** States in words: those of a view by its name. */
export function stateWords(status: string): string {
  const view = VIEWS.find((one) => one.status === status && status.includes(","));
  return view?.name.toLowerCase() ?? plainly(status.split(",").map(words).join(" or "));
}

/** Each filter that is set, in words. */
export function told(filters: Filters): { name: keyof Filters; words: string }[] {
  const all: { name: keyof Filters; words: string | undefined }[] = [
    { name: "status", words: filters.status && stateWords(filters.status) },
    { name: "text", words: filters.text && `“${plainly(filters.text)}”` },
    { name: "host", words: filters.host && `on ${plainly(filters.host)}` },
    { name: "action", words: filters.action && `by ${plainly(filters.action)}` },
    { name: "who", words: filters.who && `asked by ${plainly(filters.who)}` },
    { name: "since", words: filters.since && sinceWords(filters) },
  ];
  return all.filter((one): one is { name: keyof Filters; words: string } => !!one.words);
}

function sinceWords({ since = "" }: Filters): string {
  const none = noTime({ since });
  return none === undefined ? (AGES[since]?.words ?? `since ${since}`) : `“${none}”, which is no time`;
}

/** The filters without one, or with another value of it. */
export function withFilter(filters: Filters, name: keyof Filters, value: string | undefined): Filters {
  const next = { ...filters };
  if (value === undefined || value === "") delete next[name];
  else next[name] = value;
  return next;
}
