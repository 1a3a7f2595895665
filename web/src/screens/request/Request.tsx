import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, Navigate, useNavigate } from "@tanstack/react-router";

import type { Schemas } from "../../api/client";
import { useFollow } from "../../api/follow";
import { Problem } from "../../api/problem";
import { request as requestOf, SOON } from "../../api/queries";
import { Failure } from "../../parts/Failure";
import { Loading, Page } from "../../parts/Page";
import { useShortcut } from "../../shell/shortcuts";
import { Change } from "./change/Change";
import { Head } from "./frame/Head";
import { Orders } from "./frame/Orders";
import { viewOf, VIEWS, type View } from "./frame/view";
import { cut } from "../../parts/words";
import { History } from "./history/History";
import { Run } from "./run/Run";
import "./request.css";

const route = getRouteApi("/inside/requests/$id");
/** A longer text is no title; Change shows it whole. */
const TITLE = 160;
const WHOLE_ID = 36;

/** A request: what it changes, how it runs, and what has happened. */
export function Request() {
  const { id } = route.useParams();
  return id.length < WHOLE_ID ? <Shortened key={id} id={id} /> : <Followed key={id} id={id} />;
}

/** The part of an id by which lists and hints call a request: the whole one takes its place in the address. */
function Shortened({ id }: { id: string }) {
  const search = route.useSearch();
  const { data, error, refetch } = useQuery(requestOf(id));
  if (data === undefined) return <Unread error={error} again={() => void refetch()} />;
  return <Navigate to="/requests/$id" params={{ id: data.request_id }} search={search} replace />;
}

function Followed({ id }: { id: string }) {
  const { view: wanted } = route.useSearch();
  const first = useQuery(requestOf(id)).data?.last_event_id;
  const connection = useFollow(id, first);
  // While nothing is told live, it is looked at again and again.
  const { data, error, refetch } = useQuery({
    ...requestOf(id),
    refetchInterval: connection.state === "lost" ? SOON : false,
  });
  if (data === undefined) return <Unread error={error} again={() => void refetch()} />;
  const view = viewOf(data, wanted);
  return (
    <Page title={cut(data.text, TITLE)} aside={<Orders request={data} />}>
      <Head request={data} connection={connection} />
      {data.text.length > TITLE && (
        <details className="request-whole">
          <summary>The whole text that was asked</summary>
          <p>{data.text}</p>
        </details>
      )}
      <Tabs id={id} view={view} />
      <Part request={data} view={view} />
    </Page>
  );
}

/** A request that is not here yet, or can't be had, and why: of a part of an id that fits several, with those. */
function Unread({ error, again }: { error: Error | null; again: () => void }) {
  const problem = error instanceof Problem ? error : undefined;
  const fits = problem?.texts("fits") ?? [];
  return (
    <Page title="Request">
      {error === null ? <Loading what="the request" /> : <Failure error={error} again={again} />}
      {fits.length > 0 && (
        <ul>
          {fits.map((id) => (
            <li key={id}>
              <Link to="/requests/$id" params={{ id }}>
                <code>{id}</code>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {problem !== undefined && [400, 404].includes(problem.details.status) && (
        <p>
          Look for it among <Link to="/requests">all requests</Link>, or <Link to="/">ask for something</Link>.
        </p>
      )}
    </Page>
  );
}

function Part({ request, view }: { request: Schemas["RequestAnswer"]; view: View }) {
  switch (view) {
    case "change":
      return <Change request={request} />;
    case "run":
      return <Run request={request} />;
    case "history":
      return <History request={request} />;
  }
}

function Tabs({ id, view }: { id: string; view: View }) {
  return (
    <nav className="request-tabs" aria-label="Parts of the request">
      {VIEWS.map((one) => (
        <Tab key={one.view} id={id} {...one} current={one.view === view} />
      ))}
    </nav>
  );
}

function Tab({
  id,
  view,
  name,
  digit,
  current,
}: {
  id: string;
  view: View;
  name: string;
  digit: string;
  current: boolean;
}) {
  const navigate = useNavigate();
  useShortcut(
    digit,
    `show ${name} of the request`,
    () => void navigate({ to: "/requests/$id", params: { id }, search: { view } }),
  );
  return (
    <Link to="/requests/$id" params={{ id }} search={{ view }} aria-current={current ? "page" : undefined} replace>
      {name} <kbd>{digit}</kbd>
    </Link>
  );
}
