import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";

import { actions, agents, whoami } from "../../api/queries";
import { words } from "../../parts/Status";
import { useShortcut } from "../../shell/shortcuts";
import { AGES, stateWords, STATES, VIEWS, told, withFilter, type Filters } from "./filters";
import { hostsOf } from "../../api/hosts";
import { Typed } from "../../parts/Typed";

export function FilterBar({
  filters,
  people,
  onFilter,
}: {
  filters: Filters;
  /** Who may be looked for, as far as they have been seen. */
  people: string[];
  onFilter: (name: keyof Filters, value: string) => void;
}) {
  const search = useRef<HTMLInputElement>(null);
  const [open, setOpen] = useState(false);
  const { data: fleet } = useQuery(agents);
  const { data: catalogue } = useQuery(actions);
  const hosts = useMemo(() => hostsOf(fleet?.items ?? []), [fleet]);
  const names = useMemo(() => (catalogue?.items ?? []).map(nameOf).filter((name) => name !== ""), [catalogue]);
  useShortcut("/", "look for words", () => search.current?.select());
  const set = (name: keyof Filters) => (value: string) => onFilter(name, value);
  return (
    <search className="requests-filters" aria-label="Filters">
      <Views filters={filters} />
      <button type="button" className="requests-fold" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? "Fewer filters" : "More filters"}
      </button>
      <div className={open ? "requests-fields open" : "requests-fields"}>
        <Typed
          label="Words"
          value={filters.text ?? ""}
          onValue={set("text")}
          placeholder="Words, or an id"
          inputRef={search}
        />
        <Typed label="Host" value={filters.host ?? ""} onValue={set("host")} placeholder="any" known={hosts} />
        <Typed label="Action" value={filters.action ?? ""} onValue={set("action")} placeholder="any" known={names} />
        <Typed label="Asked by" value={filters.who ?? ""} onValue={set("who")} placeholder="anybody" known={people} />
        <Chosen label="State" value={filters.status} onValue={set("status")} any="any" options={STATES.map(state)} />
        <Chosen label="Asked" value={filters.since} onValue={set("since")} any="at any time" options={AGE_OPTIONS} />
      </div>
      <Chips filters={filters} />
    </search>
  );
}

const nameOf = (action: unknown): string => {
  const name = (action as { name?: unknown }).name;
  return typeof name === "string" ? name : "";
};
const state = (name: string): [string, string] => [name, words(name)];
const AGE_OPTIONS = Object.entries(AGES).map(([name, age]): [string, string] => [name, age.words]);

/** A view is the current one only with the very same filters. */
const EXACT = { exact: true, includeSearch: true };

function Views({ filters }: { filters: Filters }) {
  const { data: me } = useSuspenseQuery(whoami);
  const mine = filters.who === me.name;
  return (
    <ul className="requests-views" aria-label="Views">
      {VIEWS.map(({ name, status }) => (
        <li key={name}>
          <Link
            to="/requests"
            search={withFilter(filters, "status", status)}
            className="requests-view"
            activeProps={{}}
            activeOptions={EXACT}
            aria-current={filters.status === status ? "true" : undefined}
          >
            {name}
          </Link>
        </li>
      ))}
      <li>
        <Link
          to="/requests"
          search={withFilter(filters, "who", mine ? undefined : me.name)}
          className="requests-view"
          activeProps={{}}
          activeOptions={EXACT}
          aria-current={mine ? "true" : undefined}
          title={mine ? "Show everybody’s" : "Show only what you asked for"}
        >
          <span aria-hidden="true">{mine ? "✓" : "+"}</span> Mine
        </Link>
      </li>
    </ul>
  );
}

function Chosen({
  label,
  value,
  onValue,
  any,
  options,
}: {
  label: string;
  value: string | undefined;
  onValue: (value: string) => void;
  any: string;
  options: [string, string][];
}) {
  const known = value === undefined || options.some(([name]) => name === value);
  return (
    <label>
      {label}
      <select value={value ?? ""} onChange={(event) => onValue(event.target.value)}>
        <option value="">{any}</option>
        {!known && <option value={value}>{stateWords(value ?? "")}</option>}
        {options.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Each filter that is set, to be taken away. */
function Chips({ filters }: { filters: Filters }) {
  const set = told(filters);
  if (set.length === 0) return null;
  return (
    <ul className="requests-chips" aria-label="Filters that are set">
      {set.map(({ name, words: text }) => (
        <li key={name}>
          <Link to="/requests" search={withFilter(filters, name, undefined)} className="requests-chip" activeProps={{}}>
            <span className="requests-chip-text">{text}</span> <span aria-hidden="true">×</span>
            <span className="visually-hidden">, take this filter away</span>
          </Link>
        </li>
      ))}
      {set.length > 1 && (
        <li>
          <Link to="/requests" search={{}} activeProps={{}}>
            Clear all
          </Link>
        </li>
      )}
    </ul>
  );
}
