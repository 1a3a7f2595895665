/** A row that is opened, and how much higher than others that makes it. */
export interface Opened {
  row: number;
  extra: number;
}

/** Where rows lie that are all of one height, but for the few that are opened. */
export class Heights {
  private readonly opened: Opened[];

  constructor(
    readonly each: number,
    opened: Opened[],
  ) {
    this.opened = opened.toSorted((one, other) => one.row - other.row);
  }

  offset(row: number): number {
    let offset = row * this.each;
    for (const { row: before, extra } of this.opened) {
      if (before >= row) break;
      offset += extra;
    }
    return offset;
  }

  /** The row that lies at an offset. */
  rowAt(offset: number): number {
    let before = 0;
    for (const { row, extra } of this.opened) {
      const end = (row + 1) * this.each + before;
      if (offset < end) break;
      if (offset < end + extra) return row;
      before += extra;
    }
    return Math.max(0, Math.floor((offset - before) / this.each));
  }
}
