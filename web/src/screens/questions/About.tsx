import { labelOf } from "./columns";
import type { Question } from "./queries";

/** How an answer is to be read. What stands between backticks is a column, by the name that it has in the table, or a command. */
export function About({ of }: { of: Question }) {
  return of.about
    .split("`")
    .map((words, at) =>
      at % 2 === 0 ? (
        words
      ) : of.columns.includes(words) ? (
        <q key={at}>{labelOf(words)}</q>
      ) : (
        <code key={at}>{words}</code>
      ),
    );
}
