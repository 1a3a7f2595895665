import { firstFrom, type Line } from "./pages";
import { sizeOf, type Segment } from "./segments";
import type { Place } from "./store";

export type Shown = "all" | "notable";

/** A line by where it stands: the stretch, and the place in it. */
export interface Spot {
  segment: Segment;
  index: number;
}

/** Which lines are shown, as rows from 0. It is made anew whenever there are more lines: that costs as much as there are stretches. */
export class Rows {
  private readonly starts: number[] = [];
  readonly length: number;

  constructor(
    private readonly segments: Segment[],
    readonly shown: Shown,
  ) {
    let start = 0;
    for (const segment of segments) {
      this.starts.push(start);
      start += this.sizeOf(segment);
    }
    this.length = start;
  }

  private sizeOf(segment: Segment): number {
    return this.shown === "all" ? sizeOf(segment) : (segment.page?.notable.length ?? 0);
  }

  at(row: number): Spot | undefined {
    const number = firstFrom(this.starts, row + 1) - 1;
    const segment = this.segments[number];
    if (segment === undefined || row < 0 || row >= this.length) return undefined;
    const inside = row - (this.starts[number] ?? 0);
    return { segment, index: this.shown === "all" ? inside : (segment.page?.notable[inside] ?? 0) };
  }

  /** The row of a line; of the next one where it is hidden. */
  rowOf({ segment, index }: Spot): number {
    const start = this.starts[this.segments.indexOf(segment)] ?? 0;
    if (this.shown === "all") return start + index;
    return start + (segment.page === undefined ? 0 : firstFrom(segment.page.notable, index));
  }

  isShown({ segment, index }: Spot): boolean {
    if (this.shown === "all") return true;
    const { notable } = segment.page ?? {};
    return notable !== undefined && notable[firstFrom(notable, index)] === index;
  }
}

export function spotOf(segments: Segment[], { attempt, seq }: Place): Spot | undefined {
  const segment = segments.findLast((some) => some.attempt === attempt && some.first <= seq);
  if (segment === undefined) return undefined;
  const index = segment.page === undefined ? seq - segment.first : segment.page.indexOf(seq);
  return index < sizeOf(segment) ? { segment, index } : undefined;
}

/** `1-42`: how a line is named in addresses. */
export function nameOf({ attempt, seq }: Place | Line): string {
  return `${attempt}-${seq}`;
}

export function placeOf(name: string | undefined): Place | undefined {
  const found = /^(\d{1,9})-(\d{1,15})$/.exec(name ?? "");
  return found === null ? undefined : { attempt: Number(found[1]), seq: Number(found[2]) };
}

/**
 * Goes over the lines in order from behind (or before) a spot and gives the first one that is wanted; `around` goes on from the other end
 * until it is at the spot again. Where nobody can say yet what is wanted, there is no answer yet.
 */
export function seek(
  segments: Segment[],
  from: Spot | undefined,
  back: boolean,
  around: boolean,
  wanted: (segment: Segment) => ArrayLike<number> | undefined,
): Spot | undefined {
  const count = segments.length;
  if (count === 0) return undefined;
  const begin = from === undefined ? (back ? count - 1 : 0) : segments.indexOf(from.segment);
  const step = back ? -1 : 1;
  for (let walked = 0; walked <= count; walked += 1) {
    const number = begin + walked * step;
    if (!around && (number < 0 || number >= count)) return undefined;
    const segment = segments[((number % count) + count) % count] as Segment;
    const places = wanted(segment);
    if (places === undefined) return undefined;
    const inside = walked === 0 ? from : undefined;
    const at =
      inside === undefined
        ? back
          ? places.length - 1
          : 0
        : firstFrom(places, back ? inside.index : inside.index + 1) - (back ? 1 : 0);
    const index = places[at];
    if (index !== undefined) return { segment, index };
  }
  return undefined;
}
