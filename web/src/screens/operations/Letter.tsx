import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { api, held, type Schemas } from "../../api/client";
import { whoami } from "../../api/queries";
import { Time } from "../../parts/Time";
import { Confirm } from "../../parts/Confirm";
import { Answer } from "../../parts/Section";
import { Value } from "../../parts/Value";
import { LETTERS } from "./DeadLetters";

type Whole = Schemas["DeadLetterAnswer"];

/** All of one dead letter, and what one can do with it. */
export function Letter({ id }: { id: string }) {
  const letter = useQuery({
    queryKey: [...LETTERS, "one", id],
    queryFn: () => held(api.GET("/dead-letters/{id}", { params: { path: { id } } })),
  });
  return (
    <Answer of={letter} what="the message">
      {(whole) => (
        <div className="operations-whole">
          <Facts of={whole} />
          {whole.state === "open" && <Acts of={whole} />}
          <h3>What it says</h3>
          <Body of={whole} />
          <h3>Headers</h3>
          <Value of={whole.headers} />
        </div>
      )}
    </Answer>
  );
}

const SIGNATURES: Record<string, string> = {
  valid: "valid",
  expired: "valid, but expired",
  missing: "missing",
  invalid: "does not fit",
};

function Facts({ of }: { of: Whole }) {
  return (
    <>
      <dl className="value-fields">
        <div>
          <dt>signature</dt>
          <dd>
            {SIGNATURES[of.signature] ?? of.signature}
            {typeof of.key_id === "string" && (
              <>
                , names the key <code>{of.key_id}</code>
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>first died</dt>
          <dd>
            <Time at={of.died_at} />
          </dd>
        </div>
        {typeof of.code === "number" && (
          <div>
            <dt>code</dt>
            <dd>
              <a href={`/docs/errors/${of.code}`} target="_blank" rel="noreferrer">
                {of.code}
              </a>
            </dd>
          </div>
        )}
        {typeof of.request_id === "string" && (
          <div>
            <dt>request</dt>
            <dd>
              <Link to="/requests/$id" params={{ id: of.request_id }}>
                {of.request_id}
              </Link>
            </dd>
          </div>
        )}
        {typeof of.settled_at === "string" && (
          <div>
            <dt>{of.state}</dt>
            <dd>
              <Time at={of.settled_at} /> by {of.settled_by ?? "somebody"}
              {typeof of.note === "string" && of.note !== "" && <>: {of.note}</>}
            </dd>
          </div>
        )}
      </dl>
    </>
  );
}

function Body({ of }: { of: Whole }) {
  if (of.state === "purged") return <p className="faint">It was thrown away; it had {of.body_bytes} bytes.</p>;
  return <Value of={of.body} />;
}

function Acts({ of }: { of: Whole }) {
  const client = useQueryClient();
  const may = useQuery(whoami).data?.permissions ?? [];
  const look = () => void client.invalidateQueries({ queryKey: LETTERS });
  const what = of.message_type ?? "the message";
  return (
    <div className="row">
      {may.includes("dead_letters.replay") && (
        <Confirm
          trigger="Replay…"
          quiet={false}
          danger={false}
          effect={`Send ${what} to ${of.queue === "" ? "its queue" : of.queue} again`}
          doing="Sending it"
          act={(key) =>
            held(
              api.POST("/dead-letters/{id}/replay", {
                params: { path: { id: of.id }, header: { "Idempotency-Key": key } },
              }),
            )
          }
          onDone={look}
        >
          <p>
            It is dealt with as if it came now. Work is offered again only if its task still waits for that; if it dies
            again, that is a dead letter of its own. What nobody trusted has signed is refused.
          </p>
        </Confirm>
      )}
      {may.includes("dead_letters.delete") && (
        <Confirm
          trigger="Purge…"
          effect={`Purge ${what}`}
          doing="Purging it"
          act={() => held(api.DELETE("/dead-letters/{id}", { params: { path: { id: of.id } } }))}
          onDone={look}
        >
          <p>
            What it says ({of.body_bytes.toLocaleString()} bytes) is thrown away for good, and it can’t be replayed.
            That it was here, and why, stays on record.
          </p>
        </Confirm>
      )}
    </div>
  );
}
