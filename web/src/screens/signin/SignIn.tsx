import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

import { api, held, type Schemas } from "../../api/client";
import { useDoing } from "../../api/doing";
import { Failure } from "../../parts/Failure";
import { isToReplace } from "./ByPassword";
import { leaveFor, takeReturn, takeTo } from "./provider";
import { Ways } from "./Ways";

const route = getRouteApi("/signin");

/** By what somebody signs in: a link's code, a token, or a name with a password. */
export type By = Schemas["OpenBody"];

/** What each way to sign in is given. */
export interface Way {
  enter: (by: By) => void;
  busy: boolean;
  error: Error | null;
}

/** The code of a one-time link stands behind the `#`: no server and no log sees it. It is taken out of the address at once. */
function takeCode(): string | undefined {
  const code = /^#code=(.+)$/.exec(location.hash)?.[1];
  if (code !== undefined) history.replaceState(null, "", location.pathname + location.search);
  return code;
}

/** Who is signed in here already, if anybody. */
const somebody = () =>
  held(api.GET("/whoami")).then(
    (me) => me,
    () => undefined,
  );

export function SignIn() {
  const { to } = route.useSearch();
  const client = useQueryClient();
  const router = useRouter();
  const [me, setMe] = useState<Schemas["WhoAmI"]>();
  const [asked, setAsked] = useState<string>();
  const begun = useRef(false);
  const enter = useDoing({
    mutationFn: (by: By | Schemas["ReturnBody"]) =>
      held("state" in by ? api.POST("/session/oidc/return", { body: by }) : api.POST("/session", { body: by })),
    onSuccess: () => {
      client.clear();
      router.history.push(to ?? takeTo() ?? "/ui/");
    },
  });
  const provider = useQuery({ queryKey: ["session", "oidc"], queryFn: () => held(api.GET("/session/oidc")) }).data
    ?.name;
  const leave = useDoing({ mutationFn: () => leaveFor(to) });
  const [refused, setRefused] = useState<string>();

  useEffect(() => {
    document.title = "Sign in · Chiffon";
    const open = async (isFirst: boolean) => {
      const back = takeReturn();
      if (back !== undefined && "refused" in back) setRefused(back.refused);
      // The browser has begun this itself, which its cookie shows: nobody is asked.
      else if (back !== undefined) return enter.mutate(back);
      const code = takeCode();
      if (code === undefined && !isFirst) return;
      const known = await somebody();
      setMe(known);
      // A link that somebody has sent must not make a signed-in browser theirs without a word.
      if (code !== undefined && known !== undefined) setAsked(code);
      else if (code !== undefined) enter.mutate({ code });
    };
    const first = !begun.current;
    begun.current = true;
    if (first) void open(true);
    // Another link, opened in the window that has said that the last one is used up, changes only what stands behind the `#`.
    const again = () => void open(false);
    addEventListener("hashchange", again);
    return () => removeEventListener("hashchange", again);
    // For the address with which the page was opened, and those that are opened after it.
  }, []);

  return (
    <main className="alone" id="main">
      <h1>Sign in to Chiffon</h1>
      {enter.error !== null && !isToReplace(enter.error) && <Failure error={enter.error} />}
      {leave.error !== null && <Failure error={leave.error} />}
      {refused !== undefined && enter.error === null && (
        <Failure error={new Error(`${provider ?? "The provider"} did not sign you in: ${refused}`)} />
      )}
      {me !== undefined && (
        <p>
          You are signed in as <strong>{me.name}</strong>. <Link to="/">Go on as {me.name}</Link>
        </p>
      )}
      {asked !== undefined ? (
        <section className="card sign-in-instead">
          <p>This link signs in whom it was made for, and {me?.name} is signed out here then.</p>
          <button
            type="button"
            disabled={enter.isPending}
            onClick={() => {
              enter.mutate({ code: asked });
              setAsked(undefined);
            }}
          >
            Sign in with the link
          </button>
        </section>
      ) : (
        <>
          {provider != null && (
            <button type="button" className="primary" disabled={leave.isPending} onClick={() => leave.mutate()}>
              {leave.isPending ? `Going to ${provider}…` : `Sign in with ${provider}`}
            </button>
          )}
          <Ways enter={enter.mutate} busy={enter.isPending} error={enter.error} />
        </>
      )}
    </main>
  );
}
