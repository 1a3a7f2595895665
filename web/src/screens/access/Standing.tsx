import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { api, held } from "../../api/client";
import { Hosts, Risk } from "../../parts/Status";
import { Time } from "../../parts/Time";
import { Answer, More, Section } from "../../parts/Section";
import { scope, STANDING, Withdraw, type Approval, type Going } from "./Withdraw";

type State = "valid" | "expired" | "withdrawn";

export function Standing() {
  const [state, setState] = useState<State | "">("valid");
  const [withdrawn, setWithdrawn] = useState<Going>();
  const list = useInfiniteQuery({
    queryKey: [...STANDING, state],
    queryFn: ({ pageParam }) =>
      held(
        api.GET("/standing-approvals", {
          params: {
            query: {
              limit: 50,
              ...(state === "" ? {} : { state }),
              ...(pageParam === "" ? {} : { cursor: pageParam }),
            },
          },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  });
  return (
    <Section
      title="Standing approvals"
      about="Steps that somebody approved for requests to come: the same steps, asked for again, run without a second word."
      act={
        <label className="access-filter">
          <span className="visually-hidden">Which standing approvals</span>
          <select value={state} onChange={(event) => setState(event.target.value as State | "")}>
            <option value="valid">that count</option>
            <option value="expired">expired</option>
            <option value="withdrawn">withdrawn</option>
            <option value="">all</option>
          </select>
        </label>
      }
    >
      {withdrawn !== undefined && <StillGoing of={withdrawn} />}
      <Answer of={list} what="standing approvals">
        {({ pages }) => {
          const approvals = pages.flatMap(({ items }) => items);
          if (approvals.length === 0) return <None state={state} />;
          return (
            <>
              <ul className="access-standing">
                {approvals.map((approval) => (
                  <Item key={approval.standing_approval_id} of={approval} onWithdrawn={setWithdrawn} />
                ))}
              </ul>
              <More list={list} />
            </>
          );
        }}
      </Answer>
    </Section>
  );
}

function None({ state }: { state: string }) {
  return (
    <div className="section-none">
      <p>
        {state === "valid" || state === ""
          ? "None: every plan that changes something is approved by a person when it is asked for."
          : `None is ${state}.`}
      </p>
      <p className="faint">Whoever has approved a plan can stand for its steps from that request’s page.</p>
    </div>
  );
}

function StillGoing({ of }: { of: Going }) {
  return (
    <div className="card" role="status">
      <p>{of.text}</p>
      {of.going_on.length > 0 && (
        <ul className="row">
          {of.going_on.map((id) => (
            <li key={id}>
              <Link to="/requests/$id" params={{ id }}>
                Look at {id.slice(-8)}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Item({ of, onWithdrawn }: { of: Approval; onWithdrawn: (going: Going) => void }) {
  const [open, setOpen] = useState(false);
  return (
    <li className="card">
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary data-row>
          <strong>{of.summary}</strong>
          <span className="faint">
            for {scope(of)} · given by {of.given_by} <Time at={of.given_at} /> · <Ends of={of} /> ·{" "}
            {of.uses === 0 ? "not used yet" : <>used {of.uses === 1 ? "once" : `${of.uses} times`}</>}
            {typeof of.last_used_at === "string" && (
              <>
                , last <Time at={of.last_used_at} />
              </>
            )}
          </span>
        </summary>
        {open && <Steps of={of} />}
      </details>
      {of.state === "valid" && <Withdraw of={of} onWithdrawn={onWithdrawn} />}
    </li>
  );
}

function Ends({ of }: { of: Approval }) {
  if (of.state === "withdrawn")
    return (
      <>
        withdrawn by {of.withdrawn_by ?? "somebody"}
        {typeof of.withdrawn_at === "string" && (
          <>
            {" "}
            <Time at={of.withdrawn_at} />
          </>
        )}
        {typeof of.withdrawn_why === "string" && of.withdrawn_why !== "" && <>: “{of.withdrawn_why}”</>}
      </>
    );
  return (
    <>
      {of.state === "expired" ? "expired" : "ends"} <Time at={of.expires_at} />
    </>
  );
}

function Steps({ of }: { of: Approval }) {
  const id = of.standing_approval_id;
  const one = useQuery({
    queryKey: [...STANDING, "one", id],
    queryFn: () => held(api.GET("/standing-approvals/{id}", { params: { path: { id } } })),
  });
  return (
    <div className="access-steps">
      {typeof of.comment === "string" && of.comment !== "" && <p>“{of.comment}”</p>}
      <Answer of={one} what="its steps">
        {({ steps }) => (
          <ol>
            {steps.map((step) => (
              <li key={step.title} className="row">
                {step.title} <Risk of={step.risk} /> <Hosts names={step.hosts} />
              </li>
            ))}
          </ol>
        )}
      </Answer>
      <p>
        <Link to="/requests/$id" params={{ id: of.request_id }}>
          The request on whose plan it was given
        </Link>
      </p>
    </div>
  );
}
