import type { paths } from "../../api/schema";
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

/** The moment that `since` means. Ages count from a full minute, so that the same list is asked for again and not another one. */
function momentOf(since: string | undefined): string | undefined {
  if (since === undefined) return undefined;
  const age = AGES[since];
  const at = age === undefined ? Date.parse(since) : floorMinute(Date.now()) - age.hours * 60 * MINUTE;
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
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
  return view?.name.toLowerCase() ?? status.split(",").map(words).join(" or ");
}

/** Each filter that is set, in words. */
export function told(filters: Filters): { name: keyof Filters; words: string }[] {
  const all: { name: keyof Filters; words: string | undefined }[] = [
    { name: "status", words: filters.status && stateWords(filters.status) },
    { name: "text", words: filters.text && `“${filters.text}”` },
    { name: "host", words: filters.host && `on ${filters.host}` },
    { name: "action", words: filters.action && `by ${filters.action}` },
    { name: "who", words: filters.who && `asked by ${filters.who}` },
    { name: "since", words: filters.since && (AGES[filters.since]?.words ?? `since ${filters.since}`) },
  ];
  return all.filter((one): one is { name: keyof Filters; words: string } => !!one.words);
}

/** The filters without one, or with another value of it. */
export function withFilter(filters: Filters, name: keyof Filters, value: string | undefined): Filters {
  const next = { ...filters };
  if (value === undefined || value === "") delete next[name];
  else next[name] = value;
  return next;
}
