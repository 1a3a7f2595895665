import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";

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

/** A request: what it changes, how it runs, and what has happened. */
export function Request() {
  const { id } = route.useParams();
  return <Followed key={id} id={id} />;
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
  if (data === undefined) {
    return (
      <Page title="Request">
        {error === null ? (
          <Loading what="the request" />
        ) : (
          <>
            <Failure error={error} again={() => void refetch()} />
            {error instanceof Problem && error.details.status === 404 && (
              <p>
                Look for it among <Link to="/requests">all requests</Link>, or <Link to="/">ask for something</Link>.
              </p>
            )}
          </>
        )}
      </Page>
    );
  }
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
