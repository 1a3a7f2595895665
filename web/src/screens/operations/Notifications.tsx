import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { api, held, type Schemas } from "../../api/client";
import { useDoing } from "../../api/doing";
import { whoami } from "../../api/queries";
import { Failure } from "../../parts/Failure";
import { Answer, Section } from "../../parts/Section";
import { words } from "../../parts/Status";
import { Time } from "../../parts/Time";
import { channels, notices } from "./queries";

type Channel = Schemas["NotificationChannel"];
type Notice = Schemas["ListedNotice"];

/** Where people are told what needs them, whether that works, and what was told lately. */
export function Notifications() {
  const { data: me } = useQuery(whoami);
  const may = me?.permissions.includes("notifications.read") === true;
  const manages = me?.permissions.includes("notifications.manage") === true;
  const listed = useQuery({ ...channels, enabled: may });
  const told = useQuery({ ...notices, enabled: may });
  if (!may) return null;
  return (
    <Section title="Notifications" about="Where people are told what needs them while they are not here.">
      <Answer of={listed} what="the channels">
        {({ items }) =>
          items.length === 0 ? (
            <div className="section-none">
              <p>Nobody is told anything: there is no channel.</p>
              <p className="faint">
                A channel is a table <code>[[notifications.channels]]</code> of the configuration: a webhook, ntfy,
                Slack or e-mail; <code>docs/how-to/notifications.md</code> shows each.
              </p>
            </div>
          ) : (
            <ul className="operations-kept">
              {items.map((channel) => (
                <One key={channel.name} of={channel} manages={manages} />
              ))}
            </ul>
          )
        }
      </Answer>
      {(told.data?.items.length ?? 0) > 0 && (
        <details className="operations-told">
          <summary>What was to be told lately</summary>
          <ul>
            {told.data?.items.map((notice) => (
              <Lately key={notice.notice_id} of={notice} manages={manages} />
            ))}
          </ul>
        </details>
      )}
    </Section>
  );
}

function One({ of, manages }: { of: Channel; manages: boolean }) {
  return (
    <li className="card">
      <p>
        <strong>{of.name}</strong> <span className="chip">{of.kind}</span>{" "}
        <span className="faint">
          {of.address}, for {of.person ?? "several people"}
        </span>
      </p>
      <p>
        Tells {of.notices.map(words).join(", ")}
        {typeof of.least_risk === "string" && <>, from {words(of.least_risk)} risk on</>}
        {typeof of.digest === "string" && <>; gathered for {of.digest}</>}
        {typeof of.quiet === "string" && <>; keeps still {of.quiet}</>}
        {(typeof of.digest === "string" || typeof of.quiet === "string") && (
          <span className="faint"> (at once: {[...of.urgent, `${of.urgent_risk} risk`].map(words).join(", ")})</span>
        )}
      </p>
      {typeof of.problem === "string" && <p className="failure">It can’t tell anything: {of.problem}</p>}
      <p className="faint">
        {typeof of.last_sent_at === "string" ? (
          <>
            last sent <Time at={of.last_sent_at} />
          </>
        ) : (
          "nothing was sent yet"
        )}
        {of.held > 0 && <> · {of.held} held</>}
        {of.waiting > of.held && <> · {of.waiting - of.held} waiting</>}
        {typeof of.waiting_since === "string" && (
          <>
            {" "}
            since <Time at={of.waiting_since} />
          </>
        )}
        {of.given_up > 0 && <> · {of.given_up} given up</>}
        {typeof of.last_error === "string" && <>: {of.last_error}</>}
      </p>
      {manages && <Test name={of.name} />}
    </li>
  );
}

/** Sends a real message, and says what came of it. */
function Test({ name }: { name: string }) {
  const client = useQueryClient();
  const [taken, setTaken] = useState(false);
  const test = useDoing({
    mutationFn: () => held(api.POST("/notifications/channels/{name}/test", { params: { path: { name } } })),
    onMutate: () => setTaken(false),
    onSuccess: () => setTaken(true),
    onSettled: () => client.invalidateQueries({ queryKey: channels.queryKey }),
  });
  return (
    <div className="row">
      <button
        type="button"
        aria-label={`Send a test to ${name}`}
        disabled={test.isPending}
        onClick={() => test.mutate()}
      >
        {test.isPending ? "Sending…" : "Send a test"}
      </button>
      {taken && <span role="status">Its receiver has taken a message.</span>}
      {test.error !== null && <Failure error={test.error} />}
    </div>
  );
}

function Lately({ of, manages }: { of: Notice; manages: boolean }) {
  const client = useQueryClient();
  const again = useDoing({
    mutationFn: () => held(api.POST("/notifications/{id}/retry", { params: { path: { id: of.notice_id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: notices.queryKey }),
  });
  const isHeld = of.state === "pending" && of.attempts === 0 && typeof of.held_until === "string";
  return (
    <li className="row">
      <span>
        {typeof of.request_id === "string" ? (
          <Link to="/requests/$id" params={{ id: of.request_id }}>
            {of.title}
          </Link>
        ) : (
          of.title
        )}{" "}
        <span className="faint">
          {of.channel},{" "}
          {isHeld ? (
            <>
              held, to be told <Time at={String(of.held_until)} />
            </>
          ) : (
            <>
              {words(of.state)} <Time at={of.settled_at ?? of.created_at} />
            </>
          )}
          {typeof of.last_error === "string" && <>: {of.last_error}</>}
        </span>
      </span>
      {manages && of.state === "given_up" && (
        <button
          type="button"
          className="quiet"
          aria-label={`Try again: ${of.title}`}
          disabled={again.isPending}
          onClick={() => again.mutate()}
        >
          Try again
        </button>
      )}
      {again.error !== null && <Failure error={again.error} />}
    </li>
  );
}
