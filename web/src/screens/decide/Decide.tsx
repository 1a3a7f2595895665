import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

import { api, held, type Schemas } from "../../api/client";
import { useDoing } from "../../api/doing";
import { Problem } from "../../api/problem";
import { Failure } from "../../parts/Failure";

const route = getRouteApi("/decide/$id");
/** The code of what a link is not any more: used, expired or withdrawn. */
const INVALID = 5033;

type Led = Schemas["OpenedLink"];

/** What a link holds stands behind the `#`: no server and no log sees it. It is taken out of the address at once. */
function takeCode(): string | undefined {
  const code = /^#code=(.+)$/.exec(location.hash)?.[1];
  if (code !== undefined) history.replaceState(null, "", location.pathname + location.search);
  return code;
}

/**
 * Where the link of a notification leads. Nothing happens before somebody presses the button: what opens links by itself, such as a scanner
 * of mail, uses none up. Opening it approves nothing.
 */
export function Decide() {
  const { id } = route.useParams();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [code, setCode] = useState<string>();
  const [looked, setLooked] = useState(false);
  const begun = useRef(false);
  const open = useDoing({
    mutationFn: (instead: boolean) =>
      held(api.POST("/approval-links/{id}", { params: { path: { id } }, body: { code: code ?? "", instead } })),
    onSuccess: (led) => {
      if (led.outcome === "somebody_else") return;
      client.clear();
      void navigate({ to: "/requests/$id", params: { id: led.request_id }, search: { view: "change" }, replace: true });
    },
  });
  useEffect(() => {
    document.title = "Decide · Chiffon";
    const look = () => {
      const taken = takeCode();
      if (taken !== undefined) setCode(taken);
      setLooked(true);
    };
    if (!begun.current) look();
    begun.current = true;
    addEventListener("hashchange", look);
    return () => removeEventListener("hashchange", look);
  }, []);
  const led = open.data;
  return (
    <main className="alone" id="main">
      <h1>A plan waits for your decision</h1>
      {open.error !== null ? (
        <Refused error={open.error} again={() => open.mutate(false)} />
      ) : led?.outcome === "somebody_else" ? (
        <SomebodyElse led={led} busy={open.isPending} instead={() => open.mutate(true)} />
      ) : code !== undefined ? (
        <>
          <p>
            This link is yours alone, works once, and leads to one plan. Opening it approves nothing: you see the plan
            first.
          </p>
          <button type="button" className="primary" disabled={open.isPending} onClick={() => open.mutate(false)}>
            {open.isPending ? "Opening…" : "Show me the plan"}
          </button>
        </>
      ) : (
        looked && (
          <>
            <p>
              The link is not whole: what stands behind its <code>#</code> is missing. Open it again from the
              notification, or sign in to look at what waits for you.
            </p>
            <p>
              <Link to="/signin" search={{ to: "/ui/inbox" }}>
                Sign in
              </Link>
            </p>
          </>
        )
      )}
    </main>
  );
}

/** Why it opens nothing, and where to go on: the request is there, whatever has become of the link. */
function Refused({ error, again }: { error: Error; again: () => void }) {
  const isOver = error instanceof Problem && error.code === INVALID;
  const requestId = isOver ? error.text("request_id") : undefined;
  const to = requestId === undefined ? "/ui/inbox" : `/ui/requests/${requestId}?view=change`;
  return (
    <>
      <Failure error={error} {...(isOver ? {} : { again })} />
      <p>
        <Link to="/signin" search={{ to }}>
          Sign in and look at {requestId === undefined ? "what waits" : "the request"}
        </Link>
      </p>
    </>
  );
}

function SomebodyElse({ led, busy, instead }: { led: Led; busy: boolean; instead: () => void }) {
  return (
    <section className="card sign-in-instead">
      <p>
        The link is <strong>{led.name}</strong>’s, and this browser is signed in as <strong>{led.signed_in}</strong>.
        The link was not used.
      </p>
      <button type="button" disabled={busy} onClick={instead}>
        Sign {led.signed_in} out, and open it as {led.name}
      </button>
      <Link to="/requests/$id" params={{ id: led.request_id }} search={{ view: "change" }}>
        Look at the request as {led.signed_in}
      </Link>
    </section>
  );
}
