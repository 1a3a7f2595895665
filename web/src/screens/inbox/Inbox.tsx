import { Link } from "@tanstack/react-router";

import { Failure } from "../../parts/Failure";
import { Loading, Page } from "../../parts/Page";
import { useRows } from "../../parts/rows";
import { Entry } from "./Entry";
import { Idle } from "./Idle";
import "./inbox.css";
import type { Kind, Waiting } from "./sort";
import { useWaiting } from "./waiting";

const GROUPS: { kind: Kind; title: string; tells: string }[] = [
  { kind: "decide", title: "Stopped, and somebody has to decide", tells: "Nothing of it goes on before." },
  {
    kind: "approve",
    title: "For you to approve",
    tells: "Nothing was changed yet. You approve exactly the plan that you see.",
  },
  { kind: "answer", title: "For you to answer", tells: "Planning goes on with what you say." },
  {
    kind: "theirs",
    title: "Asked by you, for others to approve",
    tells: "You may not approve it, or have done so. Tell somebody who may.",
  },
];

export function Inbox() {
  const { list, all, cut } = useWaiting();
  useRows("request");
  const others = all.filter(({ kind }) => kind === "others");
  const mine = all.length - others.length;
  return (
    <Page title="Inbox">
      {list.error !== null && list.data === undefined && (
        <Failure error={list.error} again={() => void list.refetch()} />
      )}
      {list.isPending && <Loading what="what waits for you" />}
      <div className="inbox">
        {GROUPS.map(({ kind, title, tells }) => (
          <Group key={kind} title={title} tells={tells} entries={all.filter((entry) => entry.kind === kind)} />
        ))}
        {list.data !== undefined && mine === 0 && <Idle first />}
        <Others entries={others} open={mine === 0} />
        {list.data !== undefined && mine > 0 && <Idle first={false} />}
      </div>
      {cut && (
        <p className="faint">
          Only the newest 100 that wait are looked at here.{" "}
          <Link to="/requests" search={{ status: "awaiting_approval,needs_input,needs_attention" }}>
            See all that wait
          </Link>
        </p>
      )}
    </Page>
  );
}

function Group({ title, tells, entries }: { title: string; tells: string; entries: Waiting[] }) {
  if (entries.length === 0) return null;
  return (
    <section className="inbox-group">
      <h2>
        {title} <span className="faint">{entries.length}</span>
      </h2>
      <p className="faint">{tells}</p>
      <Entries of={entries} />
    </section>
  );
}

/** What waits for somebody else, folded away unless there is nothing else. */
function Others({ entries, open }: { entries: Waiting[]; open: boolean }) {
  if (entries.length === 0) return null;
  return (
    <details className="inbox-others" open={open}>
      <summary>
        {entries.length === 1 ? "1 request of others waits" : `${entries.length} requests of others wait`} for somebody
        else
      </summary>
      <Entries of={entries} />
    </details>
  );
}

function Entries({ of }: { of: Waiting[] }) {
  return (
    <ul className="inbox-list">
      {of.map((entry) => (
        <Entry key={entry.item.request_id} of={entry} />
      ))}
    </ul>
  );
}
