import type { UseQueryResult } from "@tanstack/react-query";

import type { Schemas } from "../../api/client";
import { Status } from "../../parts/Status";
import { Since, Time } from "../../parts/Time";
import { Answer, Section } from "../../parts/Section";
import { Stacked } from "../../parts/Stacked";
import { Value } from "../../parts/Value";
import { purpose } from "./chores";
import { capital } from "./Health";

type Chore = Schemas["AgentStatus"];

/** What works by itself: when each last looked, and how that went. */
export function Background({ of }: { of: UseQueryResult<Schemas["Background"]> }) {
  return (
    <Section
      title="Background work"
      about="What looks for work by itself, in the process that answers here. A chore that failed tries again at its next look."
      act={of.data !== undefined && <code className="operations-instance">{of.data.instance}</code>}
    >
      <Answer of={of} what="background work">
        {({ background }) => (
          <Stacked name="Background work" columns={["Chore", "Last look", "So far"]}>
            {Object.entries(background)
              .sort(([, one], [, other]) => Number(failing(other)) - Number(failing(one)))
              .map(([name, chore]) => (
                <Row key={name} name={name} of={chore} />
              ))}
          </Stacked>
        )}
      </Answer>
    </Section>
  );
}

function failing({ error }: Chore): boolean {
  return error !== null && error !== undefined;
}

function Row({ name, of }: { name: string; of: Chore }) {
  return (
    <tr>
      <th scope="row">
        {capital(name)}
        {purpose(name) !== "" && <span className="faint operations-purpose">{purpose(name)}</span>}
      </th>
      <td data-label="Last look">
        {typeof of.looking_since === "string" ? (
          <span>
            looking for <Since at={of.looking_since} />
          </span>
        ) : typeof of.last_tick_at === "string" ? (
          <Time at={of.last_tick_at} />
        ) : (
          "not yet"
        )}
      </td>
      <td data-label="So far">
        <span>
          {of.ticks.toLocaleString()} looks,{" "}
          <Counted what="dealt with" none="nothing dealt with" count={of.done} at={of.last_done_at} />,{" "}
          <Counted what="failed" none="none failed" count={of.failures} at={of.last_failure_at} />
          {failing(of) && <Failed error={of.error} />}
        </span>
      </td>
    </tr>
  );
}

interface Count {
  what: string;
  none: string;
  count: number;
  at: string | null | undefined;
}

function Counted({ what, none, count, at }: Count) {
  if (count === 0) return none;
  return (
    <>
      {count.toLocaleString()} {what}
      {typeof at === "string" && (
        <span className="faint">
          {" "}
          (last <Time at={at} />)
        </span>
      )}
    </>
  );
}

/** Why its last look failed: an error with a code and a message, or whatever else was told. */
function Failed({ error }: { error: unknown }) {
  const { code, message } = (typeof error === "object" ? error : {}) as { code?: unknown; message?: unknown };
  return (
    <span className="operations-error">
      <Status of="failed" /> {typeof message === "string" ? message : <Value of={error} />}
      {typeof code === "number" && (
        <>
          {" "}
          <a href={`/docs/errors/${code}`} target="_blank" rel="noreferrer">
            {code}
          </a>
        </>
      )}
    </span>
  );
}
