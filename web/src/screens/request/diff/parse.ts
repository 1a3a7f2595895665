/** A line of a diff; a note is what belongs to no side. */
export interface Row {
  kind: "same" | "add" | "del" | "note";
  old?: number;
  new?: number;
  text: string;
  /** The line of the other side that stands in its place, where there is one. */
  other?: string;
}

/** A stretch of lines: `@@ -1,3 +1,4 @@ what is around it`. */
export interface Hunk {
  head: string;
  rows: Row[];
}

/** A file, by its names before and after. */
export interface FileDiff {
  before?: string;
  after?: string;
  hunks: Hunk[];
  added: number;
  removed: number;
}

const HEAD = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/;

/** Reads unified diffs, several after each other, and keeps what is none of that as notes. */
export function parse(diff: string): FileDiff[] {
  const lines = diff.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const files: FileDiff[] = [];
  let file: FileDiff | undefined;
  let hunk: Hunk | undefined;
  let left = { old: 0, new: 0 };
  let at = { old: 1, new: 1 };
  const begin = (names: { before?: string; after?: string }): FileDiff => {
    file = { ...names, hunks: [], added: 0, removed: 0 };
    files.push(file);
    hunk = undefined;
    left = { old: 0, new: 0 };
    return file;
  };
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    const next = lines[index + 1] ?? "";
    const open = left.old > 0 || left.new > 0;
    const head = HEAD.exec(line);
    if (head !== null) {
      left = { old: Number(head[2] ?? 1), new: Number(head[4] ?? 1) };
      at = { old: Number(head[1]), new: Number(head[3]) };
      hunk = { head: line, rows: [] };
      (file ?? begin({})).hunks.push(hunk);
    } else if (line.startsWith("--- ") && next.startsWith("+++ ") && (!open || HEAD.test(lines[index + 2] ?? ""))) {
      begin({ before: line.slice(4), after: next.slice(4) });
      index += 1;
    } else {
      file ??= begin({});
      if (hunk === undefined) file.hunks.push((hunk = { head: "", rows: [] }));
      hunk.rows.push(rowOf(line, at, left, file));
    }
  }
  for (const { hunks } of files) for (const { rows } of hunks) pair(rows);
  return files;
}

type Sides = { old: number; new: number };

function rowOf(line: string, at: Sides, left: Sides, file: FileDiff): Row {
  const text = line.slice(1);
  if (line.startsWith("+")) {
    file.added += 1;
    left.new -= 1;
    return { kind: "add", new: at.new++, text };
  }
  if (line.startsWith("-")) {
    file.removed += 1;
    left.old -= 1;
    return { kind: "del", old: at.old++, text };
  }
  if (line.startsWith(" ") || (line === "" && (left.old > 0 || left.new > 0))) {
    left.old -= 1;
    left.new -= 1;
    return { kind: "same", old: at.old++, new: at.new++, text };
  }
  return { kind: "note", text: line.startsWith("\\ ") ? text.trimStart() : line };
}

/** Lines that go and lines that come right after them stand for each other, one by one. */
function pair(rows: Row[]): void {
  let start = 0;
  while (start < rows.length) {
    const gone = run(rows, start, "del");
    const come = run(rows, start + gone, "add");
    for (let offset = 0; offset < Math.min(gone, come); offset += 1) {
      const before = rows[start + offset];
      const after = rows[start + gone + offset];
      if (before === undefined || after === undefined) continue;
      before.other = after.text;
      after.other = before.text;
    }
    start += Math.max(1, gone + come);
  }
}

function run(rows: Row[], from: number, kind: Row["kind"]): number {
  let end = from;
  while (rows[end]?.kind === kind) end += 1;
  return end - from;
}

/** Two lines beside each other; one side may be empty. */
export interface Pair {
  left?: Row;
  right?: Row;
}

export function sideBySide(rows: Row[]): Pair[] {
  const pairs: Pair[] = [];
  let start = 0;
  while (start < rows.length) {
    const row = rows[start] as Row;
    const gone = run(rows, start, "del");
    const come = run(rows, start + gone, "add");
    if (gone + come === 0) {
      pairs.push({ left: row, right: row });
      start += 1;
      continue;
    }
    for (let offset = 0; offset < Math.max(gone, come); offset += 1) {
      const left = offset < gone ? rows[start + offset] : undefined;
      const right = offset < come ? rows[start + gone + offset] : undefined;
      pairs.push({ ...(left === undefined ? {} : { left }), ...(right === undefined ? {} : { right }) });
    }
    start += gone + come;
  }
  return pairs;
}
