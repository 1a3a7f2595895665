import { Problem } from "../../../api/problem";
import { Names, type LinesPage } from "./pages";
import { append, fill, segmentsOf, type Segment } from "./segments";
import { FIRST, PAGE, type Said, type Source } from "./source";

const AT_ONCE = 3;
const POLL = 1000;
const QUIET = 120;
/** What is longer is fetched where it is looked at, and as a whole only when that is needed: a million lines are some 200 MB. */
const FETCHED_UNASKED = 200_000;
/** A gap before newer lines is waited for so many looks: then those that come late are taken to be lost. */
const LOOKS_AT_A_GAP = 10;

export type Place = { attempt: number; seq: number };

/**
 * The log of one task. Stretches that somebody looks at are fetched first, all others after them, a few calls at a time. New lines come by
 * the cursor behind the last line that was read: the same numbers say what is next, so that none is lost and none comes twice, and whoever was
 * away for an hour goes on where they were.
 */
export class LogStore {
  readonly names = new Names();
  readonly segments: Segment[] = [];
  /** Changes whenever anything here does. */
  version = 0;
  ready = false;
  /** The task has ended and all its lines are here to be read. */
  whole = false;
  error: unknown;
  /** Whether all lines are fetched, and not only those that somebody looks at. */
  fetchesAll = true;
  private end: Place = { attempt: 1, seq: 0 };
  private looksAtGap = 0;
  private wanted: Segment[] = [];
  private running = 0;
  private reading = false;
  private poll: ReturnType<typeof setTimeout> | undefined;
  private told: ReturnType<typeof setTimeout> | undefined;
  private readonly away = new AbortController();
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly source: Source,
    /** Whether the lines at the end are what one wants to see first. */
    private readonly fromEnd: boolean,
  ) {}

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  async start(place?: Place): Promise<void> {
    try {
      const first = this.source.after(1, 0, FIRST, this.away.signal);
      const [attempts, begin] = await Promise.all([this.source.attempts(this.away.signal), first]);
      this.segments.push(...segmentsOf(attempts));
      const [head] = this.segments;
      if (head?.attempt === 1) fill(head, begin.items, this.names);
      const last = attempts.at(-1);
      if (last !== undefined) this.end = { attempt: last.attempt, seq: last.lines };
      this.fetchesAll = this.size <= FETCHED_UNASKED;
      this.ready = true;
      this.error = undefined;
      if (place !== undefined) this.wanted = this.segments.filter((segment) => holds(segment, place));
      this.tell(true);
      this.pump();
      void this.readOn();
    } catch (error) {
      this.failed(error, () => void this.start(place));
    }
  }

  stop(): void {
    this.away.abort();
    clearTimeout(this.poll);
    clearTimeout(this.told);
  }

  /** What somebody looks at now. */
  want(segments: Segment[]): void {
    this.wanted = segments.filter(({ page }) => page === undefined);
    if (this.wanted.length > 0) this.pump();
  }

  /** Something needs every line. */
  fetchAll(): void {
    if (this.fetchesAll) return;
    this.fetchesAll = true;
    this.tell(true);
    this.pump();
  }

  /** There may be new lines. */
  poke(): void {
    if (!this.ready || this.reading) return;
    clearTimeout(this.poll);
    void this.readOn();
  }

  /** So many lines are still to be fetched. */
  get missing(): number {
    return this.segments.reduce((sum, { page, count }) => (page === undefined ? sum + count : sum), 0);
  }

  get size(): number {
    return this.segments.reduce((sum, { page, count }) => sum + (page?.length ?? count), 0);
  }

  /** What of the log is here, in order. */
  get pages(): LinesPage[] {
    return this.segments.flatMap(({ page }) => (page === undefined ? [] : [page]));
  }

  private pump(): void {
    while (this.running < AT_ONCE && !this.away.signal.aborted) {
      const segment = this.next();
      if (segment === undefined) return;
      segment.busy = true;
      this.running += 1;
      void this.fetch(segment);
    }
  }

  private next(): Segment | undefined {
    const open = ({ page, busy }: Segment) => page === undefined && busy !== true;
    const wanted = this.wanted.find(open);
    if (wanted !== undefined || !this.fetchesAll) return wanted;
    return this.fromEnd ? this.segments.findLast(open) : this.segments.find(open);
  }

  private async fetch(segment: Segment): Promise<void> {
    try {
      const { items } = await this.source.after(segment.attempt, segment.first - 1, segment.count, this.away.signal);
      fill(segment, items, this.names);
      this.error = undefined;
      this.tell(this.wanted.includes(segment));
      segment.busy = false;
      this.running -= 1;
      this.pump();
    } catch (error) {
      segment.busy = false;
      this.failed(error, () => {
        this.running -= 1;
        this.pump();
      });
    }
  }

  /** Reads what has come behind the end. */
  private async readOn(): Promise<void> {
    if (this.reading) return;
    this.reading = true;
    let again = POLL;
    try {
      const { items, log, next_cursor } = await this.source.after(
        this.end.attempt,
        this.end.seq,
        PAGE,
        this.away.signal,
      );
      this.take(items, log === "whole");
      this.whole = log === "whole" && next_cursor === null;
      this.error = undefined;
      if (next_cursor !== null) again = 0;
      this.tell(true);
      if (!this.whole) this.poll = setTimeout(() => void this.readOn(), again);
    } catch (error) {
      this.failed(error, () => void this.readOn());
    } finally {
      this.reading = false;
    }
  }

  /** Lines that overtook others wait until those are there, too. */
  private take(lines: Said[], whole: boolean): void {
    const gap = whole
      ? -1
      : lines.findIndex((line, index) => !follows(line, index === 0 ? this.end : lines[index - 1]));
    this.looksAtGap = gap === 0 ? this.looksAtGap + 1 : 0;
    const taken = gap === -1 || this.looksAtGap > LOOKS_AT_A_GAP ? lines : lines.slice(0, gap);
    append(this.segments, taken, this.names);
    const last = taken.at(-1);
    if (last !== undefined) this.end = { attempt: last.attempt, seq: last.seq };
  }

  /** A refusal stays one. Everything else is tried again. */
  private failed(error: unknown, again: () => void): void {
    if (this.away.signal.aborted) return;
    this.error = error;
    this.tell(true);
    const refused = error instanceof Problem && error.details.status < 500 && error.details.status !== 429;
    if (!refused) setTimeout(() => this.away.signal.aborted || again(), 2 * POLL);
  }

  /** What is looked at is shown at once, what comes behind it a few times a second. */
  private tell(now: boolean): void {
    if (this.told !== undefined && !now) return;
    clearTimeout(this.told);
    this.told = setTimeout(
      () => {
        this.told = undefined;
        this.version += 1;
        for (const listener of this.listeners) listener();
      },
      now ? 0 : QUIET,
    );
  }
}

function holds({ attempt, first, count }: Segment, place: Place): boolean {
  return attempt === place.attempt && place.seq >= first && place.seq < first + count;
}

function follows(line: Said, before: Place | undefined): boolean {
  if (before === undefined) return true;
  return line.attempt === before.attempt ? line.seq === before.seq + 1 : line.seq === 1;
}
