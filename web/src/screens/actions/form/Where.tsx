import { useState } from "react";

import { idOf } from "./Field";

/** So many are shown at once; a search finds the others. */
const MOST = 60;

/** Where it is to run: hosts and groups of the inventory. */
export function Where({
  chosen,
  change,
  hosts,
  groups,
  needed,
  wrong,
}: {
  chosen: string[];
  change: (hosts: string[]) => void;
  hosts: string[];
  groups: [string, string[]][];
  needed: boolean;
  wrong: string | undefined;
}) {
  const [search, setSearch] = useState("");
  const id = idOf("hosts");
  const wanted = search.trim().toLowerCase();
  const all = [
    ...groups.map(([name, names]) => ({ name, more: `group of ${names.length}: ${names.join(", ")}` })),
    ...hosts.map((name) => ({ name, more: "" })),
  ];
  const names = new Set(all.map(({ name }) => name));
  // What an address names stays, also where nobody has it: the answer says so.
  const others = chosen.filter((name) => !names.has(name)).map((name) => ({ name, more: "in no inventory" }));
  const found = [...others, ...all].filter(({ name }) => wanted === "" || name.toLowerCase().includes(wanted));
  const shown = found.slice(0, MOST);
  const flip = (name: string) =>
    change(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  return (
    <fieldset id={id} tabIndex={-1} className="form-group" aria-describedby={`${id}-about ${id}-wrong`}>
      <legend>Hosts {needed && <span className="actions-needed">needed</span>}</legend>
      <p id={`${id}-about`} className="faint form-about">
        {chosen.length === 0 ? "Where it is to run. None is chosen yet." : `Chosen: ${chosen.join(", ")}`}
      </p>
      {wrong !== undefined && (
        <p id={`${id}-wrong`} className="form-wrong">
          {wrong}
        </p>
      )}
      {all.length > 8 && (
        <label>
          Look for a host
          <input
            type="search"
            value={search}
            autoComplete="off"
            spellCheck={false}
            onChange={({ target }) => setSearch(target.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              // Enter takes what is found; it doesn't send the form.
              event.preventDefault();
              const [first] = found;
              if (first !== undefined && wanted !== "") {
                flip(first.name);
                setSearch("");
              }
            }}
          />
        </label>
      )}
      <ul className="form-hosts">
        {shown.map(({ name, more }) => (
          <li key={name}>
            <label>
              <input type="checkbox" checked={chosen.includes(name)} onChange={() => flip(name)} />
              <span>
                {name} {more !== "" && <span className="faint">{more}</span>}
              </span>
            </label>
          </li>
        ))}
      </ul>
      {found.length > shown.length && <p className="faint">and {found.length - shown.length} more: look for them</p>}
      {found.length === 0 && <p className="faint">No host or group is called like this.</p>}
    </fieldset>
  );
}
