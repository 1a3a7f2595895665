import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect } from "react";

import { whoami } from "../../api/queries";
import { Failure } from "../../parts/Failure";
import { Empty, Loading, Page } from "../../parts/Page";
import { useDraft } from "../../parts/draft";
import { useAsked } from "./asked";
import { Field } from "./Field";
import { Live } from "./Live";
import { recent } from "./queries";
import { Recent } from "./Recent";
import { Starts } from "./Starts";
import "./ask.css";

const route = getRouteApi("/inside/");
const ASK = "requests.ask";

/** Where somebody asks for something, and sees at once what becomes of it. */
export function Ask() {
  const { data: me } = useSuspenseQuery(whoami);
  const { text: wanted } = route.useSearch();
  const [text, setText] = useDraft("ask", wanted);
  const asked = useAsked();
  const mine = useQuery(recent(me.name));
  useEffect(() => {
    if (wanted !== undefined) setText(wanted);
  }, [wanted]);
  const pick = (sentence: string) => {
    setText(sentence);
    document.getElementById("ask-text")?.focus();
  };
  const others = mine.data?.items.filter(({ request_id: id }) => !asked.includes(id)) ?? [];
  const isNew = mine.data !== undefined && mine.data.items.length === 0 && asked.length === 0;
  return (
    <Page title="Ask">
      {me.permissions.includes(ASK) ? (
        <Field text={text} setText={setText} />
      ) : (
        <Empty title="You may look, but not ask">
          <p>
            Asking needs the permission {ASK}, which your role {me.role} does not have. Somebody with the role admin can
            give you a token with the role requester. Until then, look at{" "}
            <Link to="/requests">what others have asked</Link>.
          </p>
        </Empty>
      )}
      {asked.length > 0 && (
        <ul className="ask-cards" aria-label="Asked just now">
          {asked.map((id) => (
            <Live key={id} id={id} />
          ))}
        </ul>
      )}
      {me.permissions.includes(ASK) && mine.data !== undefined && <Starts pick={pick} first={isNew} />}
      {others.length > 0 && <Recent items={others} who={me.name} />}
      {mine.data === undefined &&
        (mine.error === null ? <Loading what="your requests" /> : <Failure error={mine.error} />)}
    </Page>
  );
}
