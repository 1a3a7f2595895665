import { LinesPage, type Names } from "./pages";
import { FIRST, PAGE, type Attempt, type Said } from "./source";

/** A stretch of one attempt's lines, fetched or still to be fetched. */
export interface Segment {
  attempt: number;
  /** The number of its first line, and how many there should be. */
  first: number;
  count: number;
  page?: LinesPage;
  busy?: boolean;
}

export function segmentsOf(attempts: Attempt[]): Segment[] {
  return attempts.flatMap(({ attempt, lines }) => {
    const segments: Segment[] = [];
    for (let first = 1; first <= lines;) {
      // What is seen first was asked for alone.
      const count = Math.min(attempt === 1 && first === 1 ? FIRST : PAGE, lines - first + 1);
      segments.push({ attempt, first, count });
      first += count;
    }
    return segments;
  });
}

/** How many lines of a segment are known or expected. */
export function sizeOf({ page, count }: Segment): number {
  return page?.length ?? count;
}

/** Puts what was fetched for a segment into it. Fewer lines than expected is what is left of a log that has expired. */
export function fill(segment: Segment, lines: Said[], names: Names): void {
  const { attempt, first, count } = segment;
  const own = lines.filter((line) => line.attempt === attempt && line.seq >= first && line.seq < first + count);
  segment.page = new LinesPage(names, attempt, own);
}

/** Adds new lines at the end, where they continue the last stretch to it. */
export function append(segments: Segment[], lines: Said[], names: Names): void {
  let rest = lines;
  while (rest.length > 0) {
    const { attempt, seq } = rest[0] as Said;
    const own = rest.findIndex((line) => line.attempt !== attempt);
    const last = segments.at(-1);
    const open = last?.page !== undefined && last.attempt === attempt ? Math.max(0, PAGE - last.page.length) : 0;
    const taken = rest.slice(0, Math.min(own === -1 ? rest.length : own, open === 0 ? PAGE : open));
    if (open > 0 && last?.page !== undefined) {
      last.page = last.page.with(taken);
      last.count = last.page.length;
    } else {
      segments.push({ attempt, first: seq, count: taken.length, page: new LinesPage(names, attempt, taken) });
    }
    rest = rest.slice(taken.length);
  }
}
