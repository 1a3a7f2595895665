import { useEffect, useState } from "react";

import type { Schemas } from "../../../api/client";
import { Say } from "../change/decide/Say";
import { consequences, useOrder, type Order } from "./orders";

const WORDS: Record<Order, { button: string; title: string; act: string; busy: string; back: string }> = {
  pause: {
    button: "Pause",
    title: "Pause this request?",
    act: "Pause the request",
    busy: "Pausing…",
    back: "Let it go on",
  },
  resume: {
    button: "Resume",
    title: "Let this request go on?",
    act: "Resume the request",
    busy: "Resuming…",
    back: "Leave it paused",
  },
  cancel: {
    button: "Cancel",
    title: "Cancel this request?",
    act: "Cancel the request",
    busy: "Cancelling…",
    back: "Let it go on",
  },
};
/** What came of an order is told for so long. */
const TOLD_FOR = 15_000;
const ORDERS: Order[] = ["pause", "resume", "cancel"];

/** Pausing, resuming and cancelling, each with what it means told before. */
export function Orders({ request }: { request: Schemas["RequestAnswer"] }) {
  const [open, setOpen] = useState<Order>();
  const [came, setCame] = useState<string>();
  const order = useOrder(request.request_id, (text) => {
    setOpen(undefined);
    setCame(text);
  });
  useEffect(() => {
    if (came === undefined) return;
    const timer = setTimeout(() => setCame(undefined), TOLD_FOR);
    return () => clearTimeout(timer);
  }, [came]);
  const possible = ORDERS.filter((one) => request.next.includes(one));
  return (
    <>
      <span className="row request-orders">
        {possible.map((one) => (
          <button
            key={one}
            type="button"
            onClick={() => {
              order.reset();
              setCame(undefined);
              setOpen(one);
            }}
          >
            {WORDS[one].button}…
          </button>
        ))}
      </span>
      {came !== undefined && (
        <p className="request-came" role="status">
          {came}
        </p>
      )}
      {open !== undefined && (
        <Say
          name={`order ${request.request_id}`}
          title={WORDS[open].title}
          label="Why? (for the records; may stay empty)"
          act={order.isPending ? WORDS[open].busy : WORDS[open].act}
          back={WORDS[open].back}
          danger={open === "cancel"}
          optional
          busy={order.isPending}
          error={order.error}
          close={() => setOpen(undefined)}
          say={(reason) => order.mutate({ order: open, reason })}
        >
          <Meaning order={open} tasks={request.tasks} />
        </Say>
      )}
    </>
  );
}

function Meaning({ order, tasks }: { order: Order; tasks: Schemas["TaskView"][] }) {
  const { stopped, stopping, done } = consequences(tasks);
  if (order === "resume") return <p>What was held back begins again, in the order of the plan.</p>;
  if (order === "pause") {
    return (
      <>
        <p>Nothing more of it begins until somebody resumes it.</p>
        <Titles what="Goes on to its end" tasks={stopping} />
        <Titles what="Is held back" tasks={stopped} />
      </>
    );
  }
  const nothing = stopped.length + stopping.length + done.length === 0;
  return (
    <>
      <p>
        {nothing
          ? "Nothing of it has changed anything, and nothing of it will run. A cancelled request does not come back; ask again instead."
          : "A cancelled request does not come back; ask again instead."}
      </p>
      <Titles what="Will not begin" tasks={stopped} />
      <Titles what="Is told to stop now, which leaves its host as it is at that moment" tasks={stopping} />
      <Titles what="Is done already, and is not undone" tasks={done} />
    </>
  );
}

function Titles({ what, tasks }: { what: string; tasks: Schemas["TaskView"][] }) {
  if (tasks.length === 0) return null;
  return (
    <div>
      <p className="faint">{what}</p>
      <ul className="request-titles">
        {tasks.slice(0, 8).map(({ task_id: id, title }) => (
          <li key={id}>{title}</li>
        ))}
        {tasks.length > 8 && <li>and {tasks.length - 8} more</li>}
      </ul>
    </div>
  );
}
