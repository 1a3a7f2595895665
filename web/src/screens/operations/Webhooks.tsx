import { useQuery } from "@tanstack/react-query";

import type { Schemas } from "../../api/client";
import { whoami } from "../../api/queries";
import { Answer, Section } from "../../parts/Section";
import { Time } from "../../parts/Time";
import { webhooks } from "./queries";

type Webhook = Schemas["Webhook"];

const WORDS: Record<string, string> = {
  asked: "asked",
  again: "came again",
  passed_over: "passed over",
  refused: "refused",
  unfit: "did not fit",
};

/** Which programs ask for what by a signed call; nothing where there are none. */
export function Webhooks() {
  const { data: me } = useQuery(whoami);
  const may = me?.permissions.includes("webhooks.read") === true;
  const listed = useQuery({ ...webhooks, enabled: may });
  if (!may || listed.data?.items.length === 0) return null;
  return (
    <Section title="Webhooks" about="Programs that ask by a signed call. What they ask is approved like anything else.">
      <Answer of={listed} what="the webhooks">
        {({ items }) => (
          <ul className="operations-kept">
            {items.map((hook) => (
              <Hook key={hook.name} of={hook} />
            ))}
          </ul>
        )}
      </Answer>
    </Section>
  );
}

function Hook({ of }: { of: Webhook }) {
  return (
    <li className="card">
      <p>
        <strong>{of.name}</strong> <code>{of.path}</code> <span className="faint">as {of.asks_as}</span>
      </p>
      <p>{of.asks}</p>
      {typeof of.problem === "string" && <p className="failure">It can’t ask: {of.problem}</p>}
      {of.calls.length === 0 ? (
        <p className="faint">It was not called yet.</p>
      ) : (
        <ul>
          {of.calls.map((came) => (
            <li key={came.outcome}>
              {came.count} {WORDS[came.outcome] ?? came.outcome}, last <Time at={came.last_at} />
              {typeof came.last_why === "string" && <span className="faint">: {came.last_why}</span>}
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}
