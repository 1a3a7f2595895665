/** The time that a question is about, as it stands in the address: the last so long, or from and to. */
export interface Chosen {
  last?: string;
  from?: string;
  to?: string;
}

/** How long back from now one may ask with one click. */
export const LASTS = {
  "24h": { hours: 24, words: "24 hours" },
  "7d": { hours: 24 * 7, words: "7 days" },
  "30d": { hours: 24 * 30, words: "30 days" },
  "90d": { hours: 24 * 90, words: "90 days" },
} as const;

export type Last = keyof typeof LASTS;
export const USUAL: Last = "30d";
export const ALL_LASTS = Object.keys(LASTS) as Last[];

export type Period = { last: Last } | { since?: string; until?: string };

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const A_DAY = /^\d{4}-\d\d-\d\d$/;
const A_MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/** What the address says, or in words why it says nothing that can be asked. */
export function periodOf({ last, from, to }: Chosen): Period | string {
  if (from === undefined && to === undefined) {
    if (last === undefined) return { last: USUAL };
    if (isLast(last)) return { last };
    return `“${last}” in the address is no period: it is one of ${ALL_LASTS.join(", ")}.`;
  }
  const since = from === undefined ? undefined : momentOf(from, 0);
  // A last day belongs to what is asked about: the end is the beginning of the day after.
  const until = to === undefined ? undefined : momentOf(to, DAY);
  for (const [read, said, name] of [
    [since, from, "from"],
    [until, to, "to"],
  ] as const)
    if (said !== undefined && read === undefined)
      return `“${said}” in the address (${name}) is no date: write a day such as 2026-03-01, or a moment such as 2026-03-01T09:00:00Z.`;
  if (since !== undefined && until !== undefined && since >= until)
    return `The period ends before it begins: from ${from ?? ""} to ${to ?? ""}.`;
  return {
    ...(since === undefined ? {} : { since: new Date(since).toISOString() }),
    ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
  };
}

function isLast(text: string): text is Last {
  return Object.hasOwn(LASTS, text);
}

function momentOf(text: string, more: number): number | undefined {
  const isDay = A_DAY.test(text);
  if (!isDay && !A_MOMENT.test(text)) return undefined;
  const at = Date.parse(isDay ? `${text}T00:00:00Z` : text);
  if (Number.isNaN(at)) return undefined;
  // The 31st of February is another day to some browsers, and none to people.
  if (isDay) return new Date(at).toISOString().startsWith(text) ? at + more : undefined;
  return at;
}

/** From when until when to ask now. */
export function momentsOf(period: Period): { since?: string; until?: string } {
  if (!("last" in period)) return period;
  const now = Date.now();
  return { since: new Date(now - LASTS[period.last].hours * HOUR).toISOString(), until: new Date(now).toISOString() };
}

/** Periods of one click that are shorter, or longer, than what was asked about. */
export function others(since: string, until: string, which: "shorter" | "longer"): Last[] {
  const asked = (Date.parse(until) - Date.parse(since)) / HOUR;
  return ALL_LASTS.filter((last) => (which === "shorter" ? LASTS[last].hours < asked : LASTS[last].hours > asked));
}

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** `1 Nov 2026, 09:00`: where whoever looks is. */
export function told(at: string): string {
  return moment.format(new Date(at));
}
