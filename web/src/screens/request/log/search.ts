import { hasControls, plain } from "./ansi";
import type { LinesPage, Names } from "./pages";

const NONE = new Uint32Array(0);
/** Searching gives way to the page after so many milliseconds. */
const SLICE = 8;

/** The text as an expression that finds it, in large and small letters. */
export function expressionOf(query: string): RegExp {
  return new RegExp(query.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
}

/** Looks for a text in everything that lines show: what was said, the task, the host, and the diff. */
export class Search {
  private readonly found = new WeakMap<LinesPage, Uint32Array>();
  private readonly expression: RegExp;
  private readonly named: boolean[] = [];
  private work: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly query: string,
    private readonly names: Names,
  ) {
    this.expression = expressionOf(query);
  }

  /** Which lines of a page have it. */
  hits(page: LinesPage): Uint32Array {
    let hits = this.found.get(page);
    if (hits === undefined) {
      hits = this.look(page);
      this.found.set(page, hits);
    }
    return hits;
  }

  /** Counts over all pages, some milliseconds at a time, and tells how far it is. */
  count(pages: LinesPage[], tell: (hits: number, done: boolean) => void): void {
    this.stop();
    let at = 0;
    let sum = 0;
    const go = () => {
      const until = performance.now() + SLICE;
      while (at < pages.length && performance.now() < until) {
        sum += this.hits(pages[at] as LinesPage).length;
        at += 1;
      }
      tell(sum, at === pages.length);
      if (at < pages.length) this.work = setTimeout(go);
    };
    go();
  }

  stop(): void {
    clearTimeout(this.work);
  }

  private look(page: LinesPage): Uint32Array {
    const lines = new Set<number>();
    this.inTexts(page, lines);
    for (const [line, diff] of page.diffs) if (this.has(diff)) lines.add(line);
    if (this.knowsName()) {
      for (let line = 0; line < page.length; line += 1)
        if (this.named[page.names[line] ?? 0] === true || this.named[page.hosts[line] ?? 0] === true) lines.add(line);
    }
    return lines.size === 0 ? NONE : Uint32Array.from(lines).sort();
  }

  /** One search over all texts of a page; line by line where colours stand between the letters. */
  private inTexts(page: LinesPage, lines: Set<number>): void {
    if (hasControls(page.said)) {
      for (let line = 0; line < page.length; line += 1) if (this.has(plain(page.textAt(line)))) lines.add(line);
      return;
    }
    let line = 0;
    this.expression.lastIndex = 0;
    for (const { index, 0: text } of page.said.matchAll(this.expression)) {
      while (line < page.length && (page.ends[line] ?? 0) <= index) line += 1;
      if (index + text.length <= (page.ends[line] ?? 0)) lines.add(line);
    }
  }

  /** Whether any name that is known by now has it. Each is looked at once. */
  private knowsName(): boolean {
    for (let name = this.named.length; name < this.names.all.length; name += 1)
      this.named.push(name > 0 && this.has(this.names.all[name] ?? ""));
    return this.named.includes(true);
  }

  private has(text: string): boolean {
    this.expression.lastIndex = 0;
    return this.expression.test(text);
  }
}
