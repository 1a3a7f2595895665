import type { ReactNode } from "react";

import { spansOf } from "./ansi";

/** Text of a program: its colours, without anything else that it would do to a terminal, and what is searched for marked in it. */
export function Marked({ text, search }: { text: string; search: RegExp | undefined }) {
  return spansOf(text).map(({ text: piece, className }, number) => {
    const marked = search === undefined ? piece : marks(piece, search);
    return className === "" ? (
      <span key={number}>{marked}</span>
    ) : (
      <span key={number} className={className}>
        {marked}
      </span>
    );
  });
}

function marks(text: string, search: RegExp): ReactNode {
  const pieces: ReactNode[] = [];
  let from = 0;
  for (const { index, 0: found } of text.matchAll(search)) {
    pieces.push(text.slice(from, index), <mark key={index}>{found}</mark>);
    from = index + found.length;
  }
  return from === 0 ? text : [...pieces, text.slice(from)];
}
