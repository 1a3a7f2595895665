import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useRef } from "react";

import { plainly } from "../../api/plainly";
import { actions } from "../../api/queries";
import { Failure } from "../../parts/Failure";
import { Empty, Loading, Page } from "../../parts/Page";
import { useShortcut } from "../../shell/shortcuts";
import { Typed } from "../../parts/Typed";
import "./actions.css";
import { Detail, LeftOut } from "./Detail";
import { List } from "./List";
import { actionOf, fits } from "./read";

export function Actions() {
  const { name, text, on } = useSearch({ from: "/inside/actions" });
  const navigate = useNavigate();
  const { data, error, isPending, refetch } = useQuery(actions);
  const search = useRef<HTMLInputElement>(null);
  useShortcut("/", "look for an action", () => search.current?.select());
  const all = useMemo(() => (data?.items ?? []).map(actionOf), [data]);
  const known = useMemo(() => new Set(all.map((action) => action.name)), [all]);
  const found = text === undefined ? all : all.filter((action) => fits(action, text));
  const chosen = all.find((action) => action.name === name);
  const left = data?.not_offered ?? [];
  return (
    <Page title="Actions" wide>
      {error !== null && data === undefined && <Failure error={error} again={() => void refetch()} />}
      {isPending && <Loading what="the catalogue" />}
      {data !== undefined && all.length === 0 && left.length === 0 && <None />}
      {(all.length > 0 || left.length > 0) && (
        <div className={name === undefined ? "actions" : "actions chosen"}>
          <div className="actions-catalogue">
            <search>
              <Typed
                label="Look for"
                value={text ?? ""}
                placeholder="deploy, disk, portals…"
                inputRef={search}
                onValue={(next) =>
                  void navigate({
                    to: "/actions",
                    search: said({ name, on, text: next === "" ? undefined : next }),
                    replace: true,
                    resetScroll: false,
                  })
                }
              />
            </search>
            {on !== undefined && (
              <p className="row">
                <span>
                  To run on <strong>{on}</strong>: choose an action.
                </span>
                <Link to="/actions" search={said({ name, text })} activeProps={{}}>
                  Anywhere
                </Link>
              </p>
            )}
            <List all={found} chosen={name} />
            {found.length === 0 && text !== undefined && all.length > 0 && <Unfound text={text} />}
            {left.length > 0 && <LeftOut all={left} title="Not offered" />}
          </div>
          <div className="actions-pane">
            {name !== undefined && (
              <Link to="/actions" search={said({ text, on })} className="actions-back" activeProps={{}}>
                ← All actions
              </Link>
            )}
            {chosen !== undefined ? (
              <Detail
                key={chosen.name}
                action={chosen}
                known={known}
                on={on}
                left={left.filter((one) => one.name === chosen.name)}
              />
            ) : (
              data !== undefined && <Unchosen name={name} left={left.filter((one) => one.name === name)} />
            )}
          </div>
        </div>
      )}
    </Page>
  );
}

/** What of a search is said at all. */
function said<Names extends string>(search: Record<Names, string | undefined>): Partial<Record<Names, string>> {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as Partial<
    Record<Names, string>
  >;
}

function Unchosen({ name, left }: { name: string | undefined; left: Parameters<typeof LeftOut>[0]["all"] }) {
  if (name === undefined) return <p className="faint">Choose an action to see what it takes, shows and changes.</p>;
  if (left.length > 0) return <LeftOut all={left} title={`No agent offers ${name} at this moment`} />;
  return (
    <Empty title={`No agent has an action ${name}`}>
      <p>It may have gone with the agent that had it.</p>
      <p>
        <Link to="/fleet">See which agents are there</Link>
      </p>
    </Empty>
  );
}

function Unfound({ text }: { text: string }) {
  return (
    <Empty title="No action fits">
      <p className="actions-long">None has “{plainly(text)}” in its name, description, examples or words.</p>
      <p>
        <Link to="/actions" search={{}} className="button actions-clear" activeProps={{}}>
          See all actions
        </Link>
      </p>
    </Empty>
  );
}

function None() {
  return (
    <Empty title="There are no actions yet">
      <p>
        Agents bring the actions: folders of Ansible plays with a description. <Link to="/fleet">See the fleet</Link>{" "}
        for whether an agent is there, and why one is not heard.
      </p>
    </Empty>
  );
}
