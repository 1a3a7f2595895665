import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { Page } from "../../parts/Page";
import { useRows } from "../../parts/rows";
import { Rows } from "./Rows";
import { Verify } from "./Verify";
import "./Audit.css";

const route = getRouteApi("/inside/audit");

export function Audit() {
  const { chain = "system" } = route.useSearch();
  useRows("record");
  return (
    <Page title="Audit">
      <p className="audit-intro">
        Everything that was done is written here, row by row, each with the hash of the one before. Nothing is ever
        changed or taken out. Each request has a chain of its own; the system chain has the rest.
      </p>
      <Which chain={chain} />
      <Verify key={chain} chain={chain} />
      <section className="audit-chain" aria-labelledby="audit-chain">
        <h2 id="audit-chain">
          {chain === "system" ? (
            "The system chain"
          ) : (
            <>
              The chain of{" "}
              <Link to="/requests/$id" params={{ id: chain }}>
                request {chain.slice(-8)}
              </Link>
            </>
          )}
        </h2>
        <Rows key={chain} chain={chain} />
      </section>
    </Page>
  );
}

/** Goes from one chain to another. */
function Which({ chain }: { chain: string }) {
  const navigate = useNavigate();
  const [id, setId] = useState("");
  return (
    <form
      className="audit-which"
      onSubmit={(event) => {
        event.preventDefault();
        void navigate({ to: "/audit", search: { chain: id.trim().toLowerCase() } });
        setId("");
      }}
    >
      <label>
        A request’s id
        <input
          value={id}
          onChange={(event) => setId(event.target.value)}
          placeholder="01a22e97-621a-7238-a6fa-f365689a90e2"
          pattern="\s*[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\s*"
          title="A request’s whole id, such as the end of its page’s address"
          autoComplete="off"
          spellCheck={false}
          required
        />
      </label>
      <button type="submit">Show its chain</button>
      {chain !== "system" && <Link to="/audit">Back to the system chain</Link>}
    </form>
  );
}
