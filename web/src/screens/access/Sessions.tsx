import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { useDoing } from "../../api/doing";
import { api, held, type Schemas } from "../../api/client";
import { Problem } from "../../api/problem";
import { whoami } from "../../api/queries";
import { Copy } from "../../parts/Copy";
import { Failure } from "../../parts/Failure";
import { Time } from "../../parts/Time";
import { Confirm } from "../../parts/Confirm";
import { Answer, More, Section } from "../../parts/Section";
import { Stacked } from "../../parts/Stacked";
import { browserOf } from "./browser";
import { NewRole } from "./NewRole";
import type { Role } from "./permissions";

type Session = Schemas["ListedSession"];

const KEY = ["sessions"];
const PAGE = 25;

/** Browsers that are signed in, and links that sign in others. */
export function Sessions() {
  const list = useInfiniteQuery({
    queryKey: KEY,
    queryFn: ({ pageParam }) =>
      held(
        api.GET("/sessions", {
          params: { query: { limit: PAGE, ...(pageParam === "" ? {} : { cursor: pageParam }) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  });
  return (
    <Section
      title="Browsers"
      about="Each browser that has signed in stays so until it signs out, its time is over, or it is signed out here."
    >
      <MakeLink />
      <Answer of={list} what="browsers">
        {({ pages }) => (
          <>
            <Stacked name="Browsers" columns={["Who", "Browser", "Signed in", "Last used", "Until", ""]}>
              {pages.flatMap(({ items, current }) =>
                items.map((session) => (
                  <Row key={session.session_id} of={session} isThis={session.session_id === current} />
                )),
              )}
            </Stacked>
            <More list={list} />
          </>
        )}
      </Answer>
    </Section>
  );
}

function Row({ of, isThis }: { of: Session; isThis: boolean }) {
  const client = useQueryClient();
  return (
    <tr>
      <th scope="row">
        {of.name} {isThis && <span className="chip">this browser</span>}
      </th>
      <td data-label="Browser" title={of.browser}>
        {browserOf(of.browser)}
      </td>
      <td data-label="Signed in">
        <Time at={of.created_at} />
      </td>
      <td data-label="Last used">
        <Time at={of.last_used_at} />
      </td>
      <td data-label="Until">
        <Time at={of.expires_at} />
      </td>
      <td className="stacked-act">
        <Confirm
          trigger="Sign out"
          label={`Sign out ${of.name} in ${browserOf(of.browser)}`}
          effect={isThis ? "Sign out here" : `Sign out ${of.name}`}
          doing="Signing out"
          act={() => held(api.DELETE("/sessions/{id}", { params: { path: { id: of.session_id } } }))}
          onDone={() => void client.invalidateQueries()}
        >
          <p>
            {isThis
              ? "You are signed out in this browser, and need a new link or a token to come back."
              : `${of.name} is signed out in ${browserOf(of.browser)}; what they have not sent yet is lost there. What they asked for goes on.`}
          </p>
        </Confirm>
      </td>
    </tr>
  );
}

function MakeLink() {
  const me = useQuery(whoami).data;
  const [name, setName] = useState("");
  const others = me?.permissions.includes("tokens.manage") === true;
  const [role, setRole] = useState<Role>();
  const make = useDoing({
    mutationFn: () => {
      const whom = name.trim();
      const body = whom === "" ? {} : role === undefined ? { name: whom } : { name: whom, role };
      return held(api.POST("/login-links", { body }));
    },
  });
  // Who is new here has no role yet, and it takes one to make them.
  const isNew = make.error instanceof Problem && make.error.text("field") === "role";
  const forWhom = name.trim() === "" ? "yourself" : name.trim();
  return (
    <form
      className="access-link"
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      {others && (
        <label>
          For
          <input
            value={name}
            onChange={(event) => {
              setName(event.target.value);
              setRole(undefined);
              make.reset();
            }}
            placeholder="yourself"
            pattern="[A-Za-z0-9._@\-]{1,64}"
            autoComplete="off"
          />
        </label>
      )}
      {(isNew || role !== undefined) && <NewRole role={role} choose={setRole} />}
      <button type="submit" disabled={make.isPending}>
        {make.isPending ? "Making a link…" : `Make a sign-in link for ${forWhom}`}
      </button>
      {make.error !== null && <Failure error={make.error} />}
      {make.data !== undefined && (
        <div className="access-link-made" role="status">
          <p>
            It signs in {make.data.name}, once, until <Time at={make.data.expires_at} />. Whoever opens it first is{" "}
            {make.data.name}: give it to nobody else.
          </p>
          <p className="access-token">
            <code>{make.data.url}</code>
            <Copy text={make.data.url} label="Copy the link" />
          </p>
        </div>
      )}
    </form>
  );
}
