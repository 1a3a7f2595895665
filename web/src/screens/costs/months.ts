const format = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric", timeZone: "UTC" });

/** `Nov 2026`: of a month's first moment. */
export function named(month: string): string {
  const at = new Date(month);
  return Number.isNaN(at.getTime()) ? month : format.format(at);
}
