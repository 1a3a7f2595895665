import { useQuery } from "@tanstack/react-query";
import { useId, type ReactNode } from "react";

import { Problem } from "../api/problem";
import { permissions } from "../api/queries";
import { Failure } from "./Failure";
import { Loading } from "./Page";
import "./Section.css";

/** A part of a screen under its own title, with what it is about and what one can do in it. */
export function Section({
  title,
  about,
  act,
  children,
}: {
  title: string;
  about?: ReactNode;
  act?: ReactNode;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section className="section" aria-labelledby={id}>
      <header className="section-head">
        <h2 id={id}>{title}</h2>
        {act}
      </header>
      {about !== undefined && <p className="faint section-about">{about}</p>}
      {children}
    </section>
  );
}

interface Query<T> {
  data: T | undefined;
  error: Error | null;
  refetch: () => unknown;
}

/** What a query has: its data for as long as there is any, else why not. */
export function Answer<T>({ of, what, children }: { of: Query<T>; what: string; children: (data: T) => ReactNode }) {
  if (of.data !== undefined) return children(of.data);
  if (of.error === null) return <Loading what={what} />;
  if (of.error instanceof Problem && of.error.details.status === 403) return <Missing problem={of.error} />;
  return <Failure error={of.error} again={() => void of.refetch()} />;
}

/** Why somebody does not see something here: the permission, and the role that has it. */
export function Missing({ problem }: { problem: Problem }) {
  const permission = problem.text("permission");
  const needed = problem.text("needed");
  const people = problem.texts("people");
  const { data: all } = useQuery(permissions);
  const lets = all?.items.find(({ name }) => name === permission)?.lets ?? "do this";
  if (permission === undefined || needed === undefined) return <Failure error={problem} />;
  return (
    <div className="section-missing">
      <p>
        To {lets} takes the permission <code>{permission}</code>. The role <strong>{needed}</strong> has it
        {problem.text("role") !== undefined && <>; yours is {problem.text("role")}</>}.
      </p>
      {people.length > 0 && <p>Who may: {people.join(", ")}.</p>}
      <p className="faint">Somebody with the role admin can give you a token with it.</p>
    </div>
  );
}

/** At the end of a list that has more: the next page. */
export function More({
  list,
}: {
  list: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
}) {
  if (!list.hasNextPage) return null;
  return (
    <button
      type="button"
      className="section-more"
      disabled={list.isFetchingNextPage}
      onClick={() => void list.fetchNextPage()}
    >
      {list.isFetchingNextPage ? "Loading more…" : "Show more"}
    </button>
  );
}
