import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import type { Schemas } from "../../api/client";
import { Status } from "../../parts/Status";
import { Time } from "../../parts/Time";
import { useShortcut } from "../../shell/shortcuts";
import { cut } from "../../parts/words";

type Item = Schemas["RequestSummary"];

/** What somebody has asked lately. */
export function Recent({ items, who }: { items: Item[]; who: string }) {
  const navigate = useNavigate();
  const [at, setAt] = useState(-1);
  const move = (step: number) => {
    const to = Math.min(items.length - 1, Math.max(0, at + step));
    setAt(to);
    document.querySelector<HTMLElement>(`[data-recent="${to}"]`)?.focus();
  };
  const marked = items[at];
  useShortcut("j", "go to the next of your requests", () => move(1));
  useShortcut("k", "go to the previous of your requests", () => move(-1));
  useShortcut(
    "o",
    "open the request",
    () => marked !== undefined && void navigate({ to: "/requests/$id", params: { id: marked.request_id } }),
    marked !== undefined,
  );
  return (
    <section className="ask-recent" aria-labelledby="ask-recent">
      <header className="ask-recent-head">
        <h2 id="ask-recent">Your recent requests</h2>
        <Link to="/requests" search={{ who }}>
          All of yours
        </Link>
      </header>
      <ul>
        {items.map((item, index) => (
          <li key={item.request_id}>
            <Link
              to="/requests/$id"
              params={{ id: item.request_id }}
              data-recent={index}
              className="ask-row"
              onFocus={() => setAt(index)}
            >
              <span className="ask-row-text">{cut(item.text, 160)}</span>
              <Status of={item.status} />
              <span className="faint ask-row-time">
                <Time at={item.created_at} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
