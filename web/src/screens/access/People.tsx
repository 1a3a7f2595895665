import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, held, type Schemas } from "../../api/client";
import { whoami } from "../../api/queries";
import { Confirm } from "../../parts/Confirm";
import { Answer, More, Section } from "../../parts/Section";
import { Time } from "../../parts/Time";
import { GiveRole } from "./GiveRole";
import { GrantPart } from "./GrantPart";
import { reach } from "./permissions";

type Person = Schemas["ListedPrincipal"];
type Grant = Schemas["ListedGrant"];

const KEY = ["people"];

/** Who is here, with what each may do everywhere and for a part. */
export function People() {
  const me = useQuery(whoami).data;
  const list = useInfiniteQuery({
    queryKey: KEY,
    queryFn: ({ pageParam }) =>
      held(
        api.GET("/people", { params: { query: { limit: 50, ...(pageParam === "" ? {} : { cursor: pageParam }) } } }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
    enabled: me?.permissions.includes("people.read") === true,
  });
  if (me === undefined || !me.permissions.includes("people.read")) return null;
  const gives = me.permissions.includes("tokens.manage");
  return (
    <Section
      title="People and programs"
      about="Each has one role everywhere, and may have others beside it, for some hosts, actions and risks. Several add up. What is taken back counts no more from the next call on."
    >
      <Answer of={list} what="people">
        {({ pages }) => (
          <>
            <ul className="access-standing">
              {pages
                .flatMap(({ items }) => items)
                .map((person) => (
                  <One key={person.name} of={person} gives={gives} />
                ))}
            </ul>
            <More list={list} />
          </>
        )}
      </Answer>
    </Section>
  );
}

function One({ of, gives }: { of: Person; gives: boolean }) {
  const [open, setOpen] = useState(false);
  return (
    <li className="card">
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary data-row>
          <strong>{of.name}</strong> <span className="chip">{of.role}</span>
          <span className="faint">
            {of.kind}
            {of.grants > 0 && <> · and {of.grants === 1 ? "one role" : `${of.grants} roles`} for a part</>} · came{" "}
            <Time at={of.created_at} />
            {of.kind === "person" && <> · signs in {ways(of)}</>}
          </span>
        </summary>
        {open && <What of={of} gives={gives} />}
      </details>
    </li>
  );
}

function ways(of: Person): string {
  if (of.by_provider)
    return of.has_password ? "by the identity provider or with a password" : "by the identity provider";
  return of.has_password ? "with a password" : "with a link or a token";
}

function What({ of, gives }: { of: Person; gives: boolean }) {
  const client = useQueryClient();
  const changed = () => void client.invalidateQueries({ queryKey: KEY });
  const { name } = of;
  const held_ = useQuery({
    queryKey: [...KEY, "of", name],
    queryFn: () => held(api.GET("/people/{name}/grants", { params: { path: { name } } })),
  });
  return (
    <div className="access-steps">
      <Answer of={held_} what={`what ${name} may`}>
        {({ role, kind, grants }) => (
          <>
            <p>
              {name} is {role} everywhere{grants.length === 0 ? ", and nothing beside." : ", and beside that:"}
            </p>
            {grants.length > 0 && (
              <ul className="access-grants" aria-label={`What ${name} was given for a part`}>
                {grants.map((grant) => (
                  <li key={grant.id} className="row">
                    <span>
                      {grant.role} for {reach(grant)}{" "}
                      <span className="faint">
                        given by {grant.given_by} <Time at={grant.given_at} />
                      </span>
                    </span>
                    {gives && <TakeBack name={name} grant={grant} changed={changed} />}
                  </li>
                ))}
              </ul>
            )}
            {gives && (
              <div className="row">
                <GrantPart name={name} program={kind === "program"} given={changed} />
                <GiveRole name={name} role={role} program={kind === "program"} given={changed} />
              </div>
            )}
          </>
        )}
      </Answer>
    </div>
  );
}

function TakeBack({ name, grant, changed }: { name: string; grant: Grant; changed: () => void }) {
  return (
    <Confirm
      trigger="Take back"
      label={`Take back that ${name} is ${grant.role} for ${reach(grant)}`}
      title={`Take back that ${name} is ${grant.role} for ${reach(grant)}?`}
      effect="Take it back"
      doing="Taking it back"
      act={() => held(api.DELETE("/people/{name}/grants/{id}", { params: { path: { name, id: grant.id } } }))}
      onDone={changed}
    >
      <p>
        From the next call on {name} may do there only what their other roles let them. What they have asked for or
        approved goes on.
      </p>
    </Confirm>
  );
}
