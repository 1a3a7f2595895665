import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, held, type Schemas } from "../../api/client";
import { SOON, whoami } from "../../api/queries";
import { Time } from "../../parts/Time";
import { Confirm } from "../../parts/Confirm";
import { Answer, More, Section } from "../../parts/Section";
import { Letter } from "./Letter";

type State = "open" | "replayed" | "purged" | "all";

export const LETTERS = ["dead-letters"];

const NONE: Record<State, string> = {
  open: "Nothing lies here: every message was dealt with.",
  replayed: "Nothing was replayed.",
  purged: "Nothing was purged.",
  all: "There never was a message that could not be dealt with.",
};

/** Messages that could not be dealt with: what they were, and what becomes of them. */
export function DeadLetters() {
  const [state, setState] = useState<State>("open");
  const list = useInfiniteQuery({
    queryKey: [...LETTERS, state],
    queryFn: ({ pageParam }) =>
      held(
        api.GET("/dead-letters", {
          params: { query: { state, limit: 50, ...(pageParam === "" ? {} : { cursor: pageParam }) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: SOON,
  });
  const open = list.data?.pages[0]?.open ?? 0;
  return (
    <Section
      title="Dead letters"
      about="Messages that could not be dealt with. They are kept here, so that one can see why, and send them again."
      act={
        <div className="row">
          {list.data !== undefined && open > 0 && <PurgeAll open={open} />}
          <label>
            <span className="visually-hidden">Which dead letters</span>
            <select value={state} onChange={(event) => setState(event.target.value as State)}>
              <option value="open">open</option>
              <option value="replayed">replayed</option>
              <option value="purged">purged</option>
              <option value="all">all</option>
            </select>
          </label>
        </div>
      }
    >
      <Answer of={list} what="dead letters">
        {({ pages }) => {
          const letters = pages.flatMap(({ items }) => items);
          if (letters.length === 0) return <p>{NONE[state]}</p>;
          return (
            <>
              <ul className="operations-letters">
                {letters.map((letter) => (
                  <Item key={letter.id} of={letter} />
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

function Item({ of }: { of: Schemas["DeadLetter"] }) {
  const [open, setOpen] = useState(false);
  return (
    <li className="card">
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary data-row>
          <strong>{of.message_type ?? "a message"}</strong> {of.reason}
          <span className="faint operations-letter">
            {of.queue === "" ? "from nowhere known" : of.queue} · {of.sender ?? "nobody trusted has signed it"} ·{" "}
            {of.code ?? "the broker gave up on it"} · <Time at={of.last_died_at} />
            {of.times > 1 && <> · {of.times} times</>}
            {of.state !== "open" && <> · {of.state}</>}
          </span>
        </summary>
        {open && <Letter id={of.id} />}
      </details>
    </li>
  );
}

function PurgeAll({ open }: { open: number }) {
  const client = useQueryClient();
  const me = useQuery(whoami).data;
  if (me?.permissions.includes("dead_letters.delete") !== true) return null;
  const these = open === 1 ? "the open dead letter" : `all ${open} open dead letters`;
  return (
    <Confirm
      trigger="Purge all open…"
      effect={`Purge ${these}`}
      doing="Purging"
      act={() =>
        held(
          api.POST("/dead-letters/purge", {
            body: { all: true, before: null, code: null, ids: null, queue: null, sender: null },
          }),
        )
      }
      onDone={() => void client.invalidateQueries({ queryKey: LETTERS })}
    >
      <p>
        What {open === 1 ? "it says" : "they say"} is thrown away for good, and can’t be replayed: reports of agents and
        wishes of programs among {open === 1 ? "it" : "them"} never arrive. That {open === 1 ? "it was" : "they were"}{" "}
        here, and why, stays on record. Those that come while you read this are purged, too.
      </p>
    </Confirm>
  );
}
