import { Link, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense } from "react";

import { Empty, Loading } from "../../parts/Page";
import { count } from "../../parts/words";
import { Bars } from "./Bars";
import { LASTS, others, told } from "./period";
import { lastOf } from "./Period";
import { fileOf, type Answer, type Question } from "./queries";
import { CopySql, Sql } from "./Sql";
import { Table } from "./Table";

const Lines = lazy(() => import("./Lines").then(({ Lines }) => ({ default: Lines })));

/** An answer: drawn where that helps, as a table, and as files. */
export function Answered({
  question,
  of,
  sort,
  again,
}: {
  question: Question;
  of: Answer;
  sort: string | undefined;
  /** Asks once more; undefined while it is being asked. */
  again: (() => void) | undefined;
}) {
  const navigate = useNavigate();
  return (
    <>
      {of.rows.length === 0 ? (
        <Nothing of={of} again={again} />
      ) : (
        <>
          <Drawn question={question} of={of} />
          <div className="questions-tools">
            <p role="status">
              {of.more ? (
                <strong>
                  There are more than {of.rows.length.toLocaleString()} rows; these are the first. A shorter period
                  shows the others.
                </strong>
              ) : (
                count(of.rows.length, "row")
              )}{" "}
              <span className="faint">
                from {told(of.since)} until {told(of.until)}
              </span>
            </p>
            <div className="row">
              <Again act={again} />
              <a className="button" href={fileOf(of, "csv")} download={`${of.name}.csv`}>
                CSV
              </a>
              <a className="button" href={fileOf(of, "json")} download={`${of.name}.json`}>
                JSON
              </a>
              <CopySql of={of} />
            </div>
          </div>
          <Table
            of={of}
            name={question.title}
            sort={sort}
            onSort={(next) =>
              void navigate({
                to: "/questions/$name",
                params: { name: of.name },
                search: ({ sort: _, ...now }) => (next === undefined ? now : { ...now, sort: next }),
                replace: true,
                resetScroll: false,
              })
            }
          />
        </>
      )}
      <Sql of={of} />
    </>
  );
}

function Drawn({ question: { plot }, of }: { question: Question; of: Answer }) {
  if (plot === null || plot === undefined) return null;
  if (plot.kind === "bars") return <Bars of={of} plot={plot} />;
  return (
    <Suspense
      fallback={
        <div className="questions-canvas">
          <Loading what="the drawing" />
        </div>
      }
    >
      <Lines of={of} plot={plot} />
    </Suspense>
  );
}

function Nothing({ of, again }: { of: Answer; again: (() => void) | undefined }) {
  const longer = others(of.since, of.until, "longer");
  return (
    <Empty title="Nothing to tell about this time">
      <p>
        There was nothing between {told(of.since)} and {told(of.until)}.{" "}
        {longer.length === 0 && "Choose an earlier beginning to look further back."}
      </p>
      <Ask about={longer.slice(-1)} name={of.name} />
      <div className="row">
        <Again act={again} />
        <CopySql of={of} />
      </div>
    </Empty>
  );
}

/** Links that ask the same about other periods. */
export function Ask({ about, name }: { about: (keyof typeof LASTS)[]; name: string }) {
  if (about.length === 0) return null;
  return (
    <p className="row">
      {about.map((last) => (
        <Link
          key={last}
          to="/questions/$name"
          params={{ name }}
          search={lastOf(last)}
          className="button"
          activeProps={{}}
        >
          Ask about the last {LASTS[last].words}
        </Link>
      ))}
    </p>
  );
}

function Again({ act }: { act: (() => void) | undefined }) {
  return (
    <button type="button" className="quiet" onClick={act} disabled={act === undefined}>
      {act === undefined ? "Asking…" : "Ask again"}
    </button>
  );
}
