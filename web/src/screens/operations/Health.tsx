import { useQuery } from "@tanstack/react-query";

import { Status } from "../../parts/Status";
import { Answer, Section } from "../../parts/Section";
import { health } from "./queries";

const PARTS: Record<string, string> = { database: "Database", bus: "Message bus" };

/** How each part of this Chiffon is, and which version it is. */
export function Health() {
  const now = useQuery(health);
  return (
    <Section title="Health" act={now.data !== undefined && <span className="faint">Chiffon {now.data.version}</span>}>
      <Answer of={now} what="how it is">
        {({ status, checks }) => (
          <>
            <p>
              As a whole: <Status of={status} />
            </p>
            <ul className="operations-checks">
              {Object.entries(checks).map(([name, check]) => (
                <li key={name} className="card">
                  <h3>{PARTS[name] ?? capital(name)}</h3>
                  <Status of={check.status} />
                  <p className="faint">{check.text}</p>
                </li>
              ))}
            </ul>
          </>
        )}
      </Answer>
    </Section>
  );
}

export function capital(name: string): string {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
