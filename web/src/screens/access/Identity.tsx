import { useQuery } from "@tanstack/react-query";

import { permissions as all, whoami } from "../../api/queries";
import { byWeight, reach } from "./permissions";
import { Answer, Section } from "../../parts/Section";

/** Who is signed in, and what they may do, in words. */
export function Identity() {
  const me = useQuery(whoami);
  const known = (useQuery(all).data?.items ?? []).map(({ name }) => name);
  return (
    <Section title="You">
      <Answer of={me} what="who you are">
        {({ name, role, grants, program, permissions }) => (
          <div className="card access-me">
            <p>
              You are <strong>{name}</strong>, {program ? "a program" : "a person"} with the role{" "}
              <strong>{role}</strong>
              {grants.length === 0 ? "." : " everywhere, and beside that:"}
            </p>
            {grants.length > 0 && (
              <ul aria-label="What you were given for a part">
                {grants.map((grant) => (
                  <li key={grant.id}>
                    {grant.role} for {reach(grant)}
                  </li>
                ))}
              </ul>
            )}
            <Permissions title="You may" names={permissions} />
            <Permissions title="You may not" names={known.filter((name) => !permissions.includes(name))} />
          </div>
        )}
      </Answer>
    </Section>
  );
}

function Permissions({ title, names }: { title: string; names: string[] }) {
  const { data } = useQuery(all);
  if (names.length === 0) return null;
  const lets = (name: string) => data?.items.find((one) => one.name === name)?.lets ?? name;
  return (
    <div className="access-permissions">
      <h3>{title}</h3>
      <ul>
        {[...names].sort(byWeight).map((name) => (
          <li key={name}>
            {lets(name)} <code>{name}</code>
          </li>
        ))}
      </ul>
    </div>
  );
}
