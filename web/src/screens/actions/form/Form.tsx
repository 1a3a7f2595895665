import { useQuery, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";

import { plainly } from "../../../api/plainly";
import { api, held } from "../../../api/client";
import { useDoing } from "../../../api/doing";
import { groupsOf, hostsOf } from "../../../api/hosts";
import { actions, agents, whoami } from "../../../api/queries";
import { forgetDraft, useDraft } from "../../../parts/draft";
import { Failure } from "../../../parts/Failure";
import { Empty, Loading, Page } from "../../../parts/Page";
import { Risk } from "../../../parts/Status";
import { Trouble } from "../../request/change/decide/Trouble";
import { useMeant } from "../../request/change/decide/meant";
import { actionOf, type Action } from "../read";
import { togetherOf } from "../schema";
import "../actions.css";
import { EMPTY, formOf, linked, refused, sent, type Form as Filled } from "./asked";
import { Field, idOf } from "./Field";
import { holds, type Mistakes } from "./filled";
import "./form.css";
import { needsHosts, shapesOf, type Shape } from "./shape";
import { Where } from "./Where";

const route = getRouteApi("/inside/actions/$name");
const ASK = "requests.ask";

/** An action as a form: what is filled in becomes a request without words. */
export function Form() {
  const { name } = route.useParams();
  const { data, error, isPending, refetch } = useQuery(actions);
  const { data: me } = useSuspenseQuery(whoami);
  const action = useMemo(() => (data?.items ?? []).map(actionOf).find((one) => one.name === name), [data, name]);
  const may = me.permissions.includes(ASK);
  return (
    <Page title={action?.title ?? plainly(name)}>
      <p>
        <Link to="/actions" search={{ name }} activeProps={{}}>
          ← All about {plainly(name)}
        </Link>
      </p>
      {error !== null && data === undefined && <Failure error={error} again={() => void refetch()} />}
      {isPending && <Loading what="the catalogue" />}
      {data !== undefined && action === undefined && <Unknown name={name} />}
      {action !== undefined && !may && (
        <Empty title="You may look, but not ask">
          <p>
            Asking needs the permission {ASK}, which your role {me.role} does not have. Somebody with the role admin can
            give you a token with the role requester.
          </p>
        </Empty>
      )}
      {action !== undefined && may && <Filling key={name} action={action} />}
    </Page>
  );
}

function Unknown({ name }: { name: string }) {
  return (
    <Empty title={`No agent offers ${plainly(name)}`}>
      <p>It may have gone with the agent that had it, or be spelled otherwise.</p>
      <p>
        <Link to="/actions" search={{}} activeProps={{}}>
          See all actions
        </Link>
      </p>
    </Empty>
  );
}

function Filling({ action }: { action: Action }) {
  const search = route.useSearch() as Record<string, unknown>;
  const { target, parameters } = action;
  const shapes = useMemo(() => shapesOf(parameters, target), [parameters, target]);
  const first = useMemo(() => linked(search, shapes), []);
  const draft = `action.${action.name}`;
  const [kept, keep] = useDraft(draft, first === undefined ? "" : JSON.stringify(first));
  const form = useMemo(() => formOf(kept), [kept]);
  const [mistakes, setMistakes] = useState<Mistakes>({});
  const summary = useRef<HTMLDivElement>(null);
  const client = useQueryClient();
  const navigate = useNavigate();
  const meant = useMeant(draft);
  const change = (next: Filled, place: string) => {
    keep(next.hosts.length > 0 || holds(next.values) ? JSON.stringify(next) : "");
    setMistakes((now) =>
      Object.fromEntries(
        Object.entries(now).filter(([at]) => at !== "" && at !== place && !at.startsWith(`${place}.`)),
      ),
    );
  };
  const tell = (found: Mistakes) => {
    setMistakes(found);
    requestAnimationFrame(() => summary.current?.focus());
  };
  const ask = useDoing({
    mutationFn: (body: { name: string; hosts: string[]; parameters: Record<string, unknown> }) =>
      held(
        api.POST("/request", { params: { header: { "Idempotency-Key": meant.keyOf(body) } }, body: { action: body } }),
      ),
    onSettled: (_, error) => meant.settled(error ?? undefined),
    onError: (error) => tell(refused(error, form, shapes) ?? {}),
    onSuccess: (request) => {
      forgetDraft(draft);
      client.setQueryData(["request", request.request_id], request);
      void client.invalidateQueries({ queryKey: ["requests"] });
      void navigate({ to: "/requests/$id", params: { id: request.request_id }, search: { view: "change" } });
    },
  });
  const hostsNeeded = needsHosts(parameters, target);
  const send = () => {
    const [values, wrong] = sent(form, shapes, hostsNeeded);
    if (Object.keys(wrong).length > 0) {
      ask.reset();
      tell(wrong);
      return;
    }
    setMistakes({});
    ask.mutate({ name: action.name, hosts: form.hosts, parameters: values });
  };
  const together = togetherOf(parameters);
  const told = Object.keys(mistakes).length > 0;
  return (
    <form
      className="form"
      noValidate
      aria-label={action.title}
      onSubmit={(event) => {
        event.preventDefault();
        if (!ask.isPending) send();
      }}
    >
      <p className="row">
        <code>{action.name}</code> {action.risk !== "" && <Risk of={action.risk} />}
      </p>
      <p className="actions-long">{action.description}</p>
      <div ref={summary} tabIndex={-1} className="form-summary">
        {told && <Summary mistakes={mistakes} shapes={shapes} />}
        {!told && ask.error !== null && <Trouble error={ask.error} />}
      </div>
      <Inputs action={action} shapes={shapes} form={form} mistakes={mistakes} change={change} needed={hostsNeeded} />
      {together.map((rule) => (
        <p key={rule} className="actions-long">
          {rule}
        </p>
      ))}
      <div className="form-foot">
        <p className="faint">
          {action.risk === "read_only"
            ? "It changes nothing, so that it may run without an approval."
            : "A plan is made and shown first; nothing changes before somebody approves it."}
        </p>
        <button type="button" onClick={() => change(EMPTY, "")} disabled={kept === ""}>
          Empty it
        </button>
        <button type="submit" className="primary" disabled={ask.isPending}>
          {ask.isPending ? "Asking…" : "Ask for this"}
        </button>
      </div>
    </form>
  );
}

function Inputs({
  action,
  shapes,
  form,
  mistakes,
  change,
  needed,
}: {
  action: Action;
  shapes: Shape[];
  form: Filled;
  mistakes: Mistakes;
  change: (form: Filled, place: string) => void;
  needed: boolean;
}) {
  const { data } = useQuery(agents);
  const [hosts, groups] = useMemo(() => {
    const able = (data?.items ?? []).filter(({ agent_type: type }) => type === action.agentType);
    const found = new Map<string, Set<string>>();
    for (const [group, names] of able.flatMap((agent) => groupsOf(agent.hosts)))
      if (group !== "ungrouped") found.set(group, new Set([...(found.get(group) ?? []), ...names]));
    const all = hostsOf(able);
    const named = Array.from(found, ([group, names]): [string, string[]] => [group, Array.from(names).sort()]);
    return [all, named.filter(([group, names]) => names.length > 0 && !all.includes(group))] as const;
  }, [data, action.agentType]);
  return (
    <>
      {action.target !== undefined && (
        <Where
          chosen={form.hosts}
          change={(chosen) => change({ ...form, hosts: chosen }, "hosts")}
          hosts={hosts}
          groups={[...groups]}
          needed={needed}
          wrong={mistakes.hosts}
        />
      )}
      {shapes.map((shape) => (
        <Field
          key={shape.name}
          shape={shape}
          raw={form.values[shape.name]}
          place={`parameters.${shape.name}`}
          mistakes={mistakes}
          hosts={hosts}
          change={(place, raw) => change({ ...form, values: put(form.values, place.split(".").slice(1), raw) }, place)}
        />
      ))}
    </>
  );
}

/** The values with another one at a place. */
function put(values: Filled["values"], [name, ...rest]: string[], raw: Filled["values"][string]): Filled["values"] {
  if (name === undefined) return values;
  const old = values[name];
  const [next] = rest;
  if (next === undefined) return { ...values, [name]: raw };
  if (Array.isArray(old)) {
    const items = put(Object.fromEntries(old.entries()), rest, raw);
    return { ...values, [name]: old.map((one, at) => items[at] ?? one) };
  }
  return { ...values, [name]: put(typeof old === "object" ? old : {}, rest, raw) };
}

/** All that is wrong, each with the way to its field. */
function Summary({ mistakes, shapes }: { mistakes: Mistakes; shapes: Shape[] }) {
  const all = Object.entries(mistakes);
  const labelOf = (place: string) => {
    if (place === "hosts") return "Hosts";
    const [, name, ...rest] = place.split(".");
    const label = shapes.find((shape) => shape.name === name)?.label ?? name;
    return [label, ...rest.map((part) => (/^\d+$/.test(part) ? String(Number(part) + 1) : part))].join(" ");
  };
  return (
    <div className="failure" role="alert">
      <p>
        <strong>{all.length === 1 ? "One thing is to be mended" : `${all.length} things are to be mended`}</strong>:
        nothing was asked.
      </p>
      <ul>
        {all.map(([place, message]) => (
          <li key={place}>
            {place === "" ? (
              message
            ) : (
              <>
                <a
                  href={`#${idOf(place)}`}
                  onClick={(event) => {
                    event.preventDefault();
                    document.getElementById(idOf(place))?.focus();
                  }}
                >
                  {labelOf(place)}
                </a>
                : {message}
              </>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
