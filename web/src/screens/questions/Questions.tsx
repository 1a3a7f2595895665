import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { Page } from "../../parts/Page";
import { useRows } from "../../parts/rows";
import { Answer } from "../../parts/Section";
import { About } from "./About";
import type { Chosen } from "./period";
import { questions, type Question } from "./queries";
import "./questions.css";

const route = getRouteApi("/inside/questions");

/** What people ask about what was. */
export function Questions() {
  const { last, from, to } = route.useSearch();
  const all = useQuery(questions);
  return (
    <Page title="Questions">
      <p className="questions-about">
        What Chiffon has done stands in its database. These questions about it are ready, each with a table, files and
        its SQL; to ask others, change the SQL.
      </p>
      <Answer of={all} what="the questions">
        {({ items }) => (
          <List
            all={items}
            chosen={{
              ...(last === undefined ? {} : { last }),
              ...(from === undefined ? {} : { from }),
              ...(to === undefined ? {} : { to }),
            }}
          />
        )}
      </Answer>
    </Page>
  );
}

function List({ all, chosen }: { all: Question[]; chosen: Chosen }) {
  useRows("question");
  return (
    <ul className="questions-list" aria-label="Questions">
      {all.map((question) => (
        <li key={question.name}>
          <Link
            to="/questions/$name"
            params={{ name: question.name }}
            search={chosen}
            className="questions-item"
            activeProps={{}}
            data-row=""
          >
            <strong>{question.title}</strong>
            <span className="faint">
              <About of={question} />
            </span>
            <span className="faint questions-drawn">{shownAs(question)}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function shownAs({ plot }: Question): string {
  if (plot === null || plot === undefined) return "table";
  return plot.kind === "lines" ? "table, lines" : "table, bars";
}
