import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { Schemas } from "../../api/client";
import { Command } from "../../parts/Copy";
import { Time } from "../../parts/Time";
import { Answer, Section } from "../../parts/Section";
import { reserved } from "./queries";

type Host = Schemas["ReservedHost"];

/** Hosts that are kept from other work, because something of a stopped run may still go on there. */
export function Reserved() {
  const hosts = useQuery(reserved);
  return (
    <Section
      title="Hosts that are kept"
      about="A run that was cut off may have left something running on a host. Nothing else is done there until somebody says that it is over."
    >
      <Answer of={hosts} what="kept hosts">
        {({ items }) =>
          items.length === 0 ? (
            <p>No host is kept from work.</p>
          ) : (
            <ul className="operations-kept">
              {items.map((host) => (
                <Kept key={`${host.host} ${host.task_id}`} of={host} />
              ))}
            </ul>
          )
        }
      </Answer>
    </Section>
  );
}

function Kept({ of }: { of: Host }) {
  return (
    <li className="card">
      <p>
        <strong>{of.host}</strong> is kept since <Time at={of.since} />, for{" "}
        <Link to="/requests/$id" params={{ id: of.request_id }}>
          {of.title}
        </Link>{" "}
        (attempt {of.attempt}).
      </p>
      {of.may_still_run.length > 0 && (
        <>
          <p>What may still run there:</p>
          <ul>
            {of.may_still_run.map((what) => (
              <li key={what}>{what}</li>
            ))}
          </ul>
        </>
      )}
      <p className="row">
        <Link to="/fleet">Give it back in Fleet</Link> <span className="faint">or at a terminal:</span>{" "}
        <Command text={of.release} />
      </p>
    </li>
  );
}
