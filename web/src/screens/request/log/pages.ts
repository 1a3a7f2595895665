import type { Schemas } from "../../../api/client";
import { isNotable } from "./kinds";

/** One line, as it is shown. */
export interface Line {
  attempt: number;
  seq: number;
  /** Milliseconds since 1970. */
  at: number;
  kind: string;
  host: string | undefined;
  name: string | undefined;
  text: string;
  diff: string | undefined;
}

/** Names that many lines share, each kept once. Number 0 is no name. */
export class Names {
  readonly all: string[] = [""];
  private readonly numbers = new Map<string, number>();

  numberOf(name: string | null | undefined): number {
    if (name === null || name === undefined || name === "") return 0;
    let number = this.numbers.get(name);
    if (number === undefined) {
      number = this.all.push(name) - 1;
      this.numbers.set(name, number);
    }
    return number;
  }
}

/**
 * Up to some thousand lines of one attempt in few objects: a million lines as a million objects would take half a gigabyte and long pauses of
 * the collector.
 */
export class LinesPage {
  readonly length: number;
  readonly seqs: Float64Array;
  readonly kinds: Uint32Array;
  readonly hosts: Uint32Array;
  readonly names: Uint32Array;
  /** All texts, one after the other, and where each ends. */
  readonly said: string;
  readonly ends: Uint32Array;
  readonly diffs = new Map<number, string>();
  /** Which lines are shown when one looks only for changes and failures. */
  readonly notable: Uint32Array;
  private readonly times: Float64Array;

  constructor(
    private readonly words: Names,
    readonly attempt: number,
    lines: Schemas["LogLine"][],
  ) {
    const { length } = lines;
    this.length = length;
    this.seqs = new Float64Array(length);
    this.times = new Float64Array(length);
    this.kinds = new Uint32Array(length);
    this.hosts = new Uint32Array(length);
    this.names = new Uint32Array(length);
    this.ends = new Uint32Array(length);
    const notable: number[] = [];
    let end = 0;
    lines.forEach((line, index) => {
      this.seqs[index] = line.seq;
      this.times[index] = Date.parse(line.at);
      this.kinds[index] = words.numberOf(line.kind);
      this.hosts[index] = words.numberOf(line.host);
      this.names[index] = words.numberOf(line.name);
      end += line.text.length;
      this.ends[index] = end;
      if (typeof line.diff === "string" && line.diff !== "") this.diffs.set(index, line.diff);
      if (isNotable(line.kind)) notable.push(index);
    });
    this.said = lines.map(({ text }) => text).join("");
    this.notable = Uint32Array.from(notable);
  }

  textAt(index: number): string {
    return this.said.slice(index === 0 ? 0 : this.ends[index - 1], this.ends[index]);
  }

  kindAt(index: number): string {
    return this.words.all[this.kinds[index] ?? 0] ?? "";
  }

  line(index: number): Line {
    return {
      attempt: this.attempt,
      seq: this.seqs[index] ?? 0,
      at: this.times[index] ?? 0,
      kind: this.kindAt(index),
      host: this.words.all[this.hosts[index] ?? 0] || undefined,
      name: this.words.all[this.names[index] ?? 0] || undefined,
      text: this.textAt(index),
      diff: this.diffs.get(index),
    };
  }

  /** Which line has a number; the one after it where it is not there. */
  indexOf(seq: number): number {
    return firstFrom(this.seqs, seq);
  }

  /** The same lines and some after them. */
  with(lines: Schemas["LogLine"][]): LinesPage {
    const before = Array.from({ length: this.length }, (_, index) => asSaid(this.line(index)));
    return new LinesPage(this.words, this.attempt, [...before, ...lines]);
  }
}

function asSaid({ at, host, name, diff, ...line }: Line): Schemas["LogLine"] {
  return { ...line, at: new Date(at || 0).toISOString(), host: host ?? null, name: name ?? null, diff: diff ?? null };
}

/** The first place of a rising list whose value is `value` or more. */
export function firstFrom(list: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
