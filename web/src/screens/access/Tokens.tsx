import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, held, type Schemas } from "../../api/client";
import { whoami } from "../../api/queries";
import { Time } from "../../parts/Time";
import { Confirm } from "../../parts/Confirm";
import { NewToken } from "./NewToken";
import { Answer, More, Section } from "../../parts/Section";
import { Stacked } from "../../parts/Stacked";

type Token = Schemas["ListedToken"];

const KEY = ["tokens"];

export function Tokens() {
  const client = useQueryClient();
  const list = useInfiniteQuery({
    queryKey: KEY,
    queryFn: ({ pageParam }) =>
      held(
        api.GET("/tokens", { params: { query: { limit: 50, ...(pageParam === "" ? {} : { cursor: pageParam }) } } }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  });
  const [all, setAll] = useState(false);
  const look = () => void client.invalidateQueries({ queryKey: KEY });
  return (
    <Section
      title="Tokens"
      about="A token lets a person or a program call Chiffon with a role. Only its digest is kept: a lost one can’t be shown again, but another can be made."
      act={list.data !== undefined && <NewToken made={look} />}
    >
      <Answer of={list} what="tokens">
        {({ pages }) => {
          const tokens = pages.flatMap(({ items }) => items);
          const current = pages[0]?.current;
          const counting = tokens.filter(counts);
          return (
            <>
              <Stacked name="Tokens" columns={["Whose", "Role", "What for", "Made", "Last used", "Counts until", ""]}>
                {(all ? tokens : counting).map((token) => (
                  <Row key={token.token_id} token={token} isThis={token.token_id === current} changed={look} />
                ))}
              </Stacked>
              <div className="row">
                <More list={list} />
                {counting.length < tokens.length && (
                  <button type="button" className="quiet" aria-pressed={all} onClick={() => setAll(!all)}>
                    {all ? "Hide" : "Show"} {tokens.length - counting.length} that no longer count
                  </button>
                )}
              </div>
            </>
          );
        }}
      </Answer>
    </Section>
  );
}

function expired({ expires_at }: Token): boolean {
  return typeof expires_at === "string" && new Date(expires_at).getTime() <= Date.now();
}

function counts(token: Token): boolean {
  return typeof token.revoked_at !== "string" && !expired(token);
}

function Row({ token, isThis, changed }: { token: Token; isThis: boolean; changed: () => void }) {
  return (
    <tr className={counts(token) ? "" : "over"}>
      <th scope="row">
        {token.name} <span className="faint">{token.kind}</span>{" "}
        {isThis && <span className="chip">this browser’s</span>}
      </th>
      <td data-label="Role">{token.role}</td>
      <td data-label="What for">{token.label === "" ? <span className="faint">not said</span> : token.label}</td>
      <td data-label="Made">
        <Time at={token.created_at} />
      </td>
      <td data-label="Last used">
        {typeof token.last_used_at === "string" ? (
          <Time at={token.last_used_at} />
        ) : (
          <span className="faint">never</span>
        )}
      </td>
      <td data-label="Counts until">
        <Until token={token} />
      </td>
      <td className="stacked-act">{counts(token) && <Revoke token={token} changed={changed} />}</td>
    </tr>
  );
}

function Until({ token }: { token: Token }) {
  if (typeof token.revoked_at === "string")
    return (
      <>
        taken back <Time at={token.revoked_at} />
      </>
    );
  if (typeof token.expires_at !== "string") return "for ever";
  return (
    <>
      {expired(token) && "expired "}
      <Time at={token.expires_at} />
    </>
  );
}

function Revoke({ token, changed }: { token: Token; changed: () => void }) {
  const me = useQuery(whoami).data;
  const what = token.label === "" ? `the token of ${token.name}` : `${token.name}’s token “${token.label}”`;
  return (
    <Confirm
      trigger="Take back"
      label={`Take back ${what}`}
      effect={`Take back ${what}`}
      doing="Taking it back"
      act={() => held(api.DELETE("/tokens/{id}", { params: { path: { id: token.token_id } } }))}
      onDone={changed}
    >
      <p>
        From then on every call with it is refused: whatever {token.kind === "program" ? "runs" : "is signed in"} with
        it stops working as {token.name}, role {token.role}, until it has another. What was asked for with it goes on,
        and other tokens of {token.name} go on counting.
      </p>
      {me?.name === token.name && <p>You are {token.name}: if it is the one you use here, you are signed out.</p>}
      <p className="faint">This can’t be undone.</p>
    </Confirm>
  );
}
