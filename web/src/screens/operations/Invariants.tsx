import type { UseQueryResult } from "@tanstack/react-query";

import type { Schemas } from "../../api/client";
import { Time } from "../../parts/Time";
import { Answer, Section } from "../../parts/Section";

type Checked = Schemas["Checked"];

/** What must never be, and whether it is: violated ones in full, those that hold folded away. */
export function Invariants({ of }: { of: UseQueryResult<Schemas["Background"]> }) {
  return (
    <Section
      title="What must always hold"
      about="Sentences about the whole state that Chiffon checks by itself, so that nothing is stuck unseen."
    >
      <Answer of={of} what="what must hold">
        {({ invariants }) =>
          invariants === null || invariants === undefined ? (
            <p>They have not been looked at yet since this process began; the first look comes within a minute.</p>
          ) : (
            <Report items={invariants.items} at={invariants.checked_at} />
          )
        }
      </Answer>
    </Section>
  );
}

function Report({ items, at }: { items: Checked[]; at: string }) {
  const violated = items.filter(({ status }) => status === "violated");
  const unjudged = items.filter(({ status }) => status !== "violated" && status !== "ok");
  const ok = items.filter(({ status }) => status === "ok");
  return (
    <>
      <p>
        {violated.length > 0
          ? `${violated.length} of ${items.length} do not hold.`
          : unjudged.length > 0
            ? `${ok.length} of ${items.length} hold; ${unjudged.length} can’t be judged now.`
            : `All ${items.length} hold.`}{" "}
        <span className="faint">
          Looked at <Time at={at} />.
        </span>
      </p>
      {violated.length > 0 && (
        <ul className="operations-violated">
          {violated.map((item) => (
            <Violated key={item.invariant} of={item} />
          ))}
        </ul>
      )}
      <Sentences title={`${unjudged.length} that can’t be judged now`} of={unjudged} />
      <Sentences title={`${ok.length} that hold`} of={ok} />
    </>
  );
}

function Violated({ of }: { of: Checked }) {
  return (
    <li className="failure">
      <p>
        <strong>{of.sentence}</strong>
      </p>
      <p>
        That is not so in {of.count === 1 ? "one case" : `${of.count} cases`}
        {typeof of.since === "string" && (
          <>
            , first seen <Time at={of.since} />
          </>
        )}
        . {of.advice}
      </p>
      {of.examples.length > 0 && (
        <ul>
          {of.examples.map((example) => (
            <li key={example}>
              <code>{example}</code>
            </li>
          ))}
        </ul>
      )}
      <p className="faint">{of.invariant}</p>
    </li>
  );
}

function Sentences({ title, of }: { title: string; of: Checked[] }) {
  if (of.length === 0) return null;
  return (
    <details className="operations-sentences">
      <summary data-row>{title}</summary>
      <ul>
        {of.map(({ invariant, sentence }) => (
          <li key={invariant}>
            {sentence} <code>{invariant}</code>
          </li>
        ))}
      </ul>
    </details>
  );
}
