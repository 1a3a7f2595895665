import { Link, useNavigate } from "@tanstack/react-router";

import { ALL_LASTS, LASTS, USUAL, type Chosen, type Last } from "./period";

const DAY = /^\d{4}-\d\d-\d\d$/;

/** The address of another period of one click; the usual one needs no words. */
export function lastOf(last: Last): Chosen {
  return last === USUAL ? {} : { last };
}

/** What time a question is about: the last so long, or from one day to another. */
export function Period({ name, chosen, sort }: { name: string; chosen: Chosen; sort: string | undefined }) {
  const { from, to, last } = chosen;
  const current = from === undefined && to === undefined ? (last ?? USUAL) : undefined;
  const kept = sort === undefined ? {} : { sort };
  return (
    <search className="questions-period" aria-label="Period">
      <ul aria-label="The last">
        {ALL_LASTS.map((one) => (
          <li key={one}>
            <Link
              to="/questions/$name"
              params={{ name }}
              search={{ ...lastOf(one), ...kept }}
              className="questions-last"
              activeProps={{}}
              activeOptions={{ exact: true, includeSearch: true }}
              aria-current={one === current ? "true" : undefined}
              replace
              resetScroll={false}
            >
              <span className="visually-hidden">the last </span>
              {LASTS[one].words}
            </Link>
          </li>
        ))}
      </ul>
      <Days key={`${from ?? ""} ${to ?? ""}`} name={name} chosen={chosen} kept={kept} />
    </search>
  );
}

function Days({ name, chosen, kept }: { name: string; chosen: Chosen; kept: { sort?: string } }) {
  const navigate = useNavigate();
  return (
    <form
      className="questions-days"
      onSubmit={(event) => {
        event.preventDefault();
        const said = new FormData(event.currentTarget);
        const [from, to] = [said.get("from"), said.get("to")].map((day) => (typeof day === "string" ? day : ""));
        void navigate({
          to: "/questions/$name",
          params: { name },
          search: { ...kept, ...(from ? { from } : {}), ...(to ? { to } : {}) },
          replace: true,
          resetScroll: false,
        });
      }}
    >
      <Day label="From" name="from" said={chosen.from} />
      <Day label="To" name="to" said={chosen.to} />
      <button type="submit">Show</button>
    </form>
  );
}

/** A day (UTC). A moment in the address is more than a day says, and is left there until another day is chosen. */
function Day({ label, name, said }: { label: string; name: string; said: string | undefined }) {
  return (
    <label>
      {label}
      <input
        type="date"
        title="A day in UTC"
        name={name}
        defaultValue={said !== undefined && DAY.test(said) ? said : ""}
      />
    </label>
  );
}
