import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { plainly } from "../../api/plainly";
import { Problem } from "../../api/problem";
import { Failure } from "../../parts/Failure";
import { Empty, Loading, Page } from "../../parts/Page";
import { Answer } from "../../parts/Section";
import { About } from "./About";
import { Answered, Ask } from "./Answered";
import { LASTS, momentsOf, others, periodOf, USUAL, type Chosen, type Period as Asked } from "./period";
import { Period } from "./Period";
import { answer, questions, type Question as Known } from "./queries";
import "./questions.css";

const route = getRouteApi("/inside/questions/$name");
const TOO_LONG = 5151;

/** One question with its answer. */
export function Question() {
  const { name } = route.useParams();
  const { sort, ...chosen } = route.useSearch();
  const all = useQuery(questions);
  const known = all.data?.items.find((question) => question.name === name);
  return (
    <Page title={known?.title ?? "Questions"} wide>
      <Link to="/questions" search={chosen} className="questions-back" activeProps={{}}>
        ← All questions
      </Link>
      <Answer of={all} what="the questions">
        {() => (known === undefined ? <Unknown name={name} /> : <Open question={known} chosen={chosen} sort={sort} />)}
      </Answer>
    </Page>
  );
}

function Unknown({ name }: { name: string }) {
  return (
    <Empty title="There is no such question">
      <p className="questions-text">None is called “{plainly(name)}”.</p>
      <p>
        <Link to="/questions">See all questions</Link>
      </p>
    </Empty>
  );
}

function Open({ question, chosen, sort }: { question: Known; chosen: Chosen; sort: string | undefined }) {
  const period = periodOf(chosen);
  return (
    <>
      <p className="questions-about">
        <About of={question} />
      </p>
      <Period name={question.name} chosen={chosen} sort={sort} />
      {typeof period === "string" ? (
        <div className="failure" role="alert">
          <p>{period}</p>
          <Ask about={[USUAL]} name={question.name} />
        </div>
      ) : (
        <Asking question={question} period={period} sort={sort} />
      )}
    </>
  );
}

function Asking({ question, period, sort }: { question: Known; period: Asked; sort: string | undefined }) {
  const asked = useQuery(answer(question.name, period));
  if (asked.data === undefined && asked.error !== null)
    return <Refused name={question.name} error={asked.error} period={period} again={() => void asked.refetch()} />;
  if (asked.data === undefined) return <Loading what="the answer" />;
  return (
    <div
      className={asked.isPlaceholderData ? "questions-answer busy" : "questions-answer"}
      aria-busy={asked.isFetching}
    >
      {asked.isPlaceholderData && (
        <p role="status" className="loading">
          Asking about {"last" in period ? `the last ${LASTS[period.last].words}` : "the other period"}…
        </p>
      )}
      <Answered
        question={question}
        of={asked.data}
        sort={sort}
        again={asked.isFetching ? undefined : () => void asked.refetch()}
      />
    </div>
  );
}

/** Why there is no answer. One that takes too long is quicker about a shorter time. */
function Refused({ name, error, period, again }: { name: string; error: Error; period: Asked; again: () => void }) {
  const { since, until } = momentsOf(period);
  const now = new Date().toISOString();
  const tooLong = error instanceof Problem && error.code === TOO_LONG;
  return (
    <>
      <Failure error={error} again={again} />
      {tooLong && <Ask about={others(since ?? now, until ?? now, "shorter").toReversed()} name={name} />}
    </>
  );
}
