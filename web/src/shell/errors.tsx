import { Link, type ErrorComponentProps } from "@tanstack/react-router";

import { Failure } from "../parts/Failure";

export function NotFound() {
  return (
    <main className="alone">
      <h1>There is no such page</h1>
      <p>
        The address names nothing here. <Link to="/">Ask for something</Link>, or look through{" "}
        <Link to="/requests">all requests</Link>.
      </p>
    </main>
  );
}

export function RouteError({ error, reset }: ErrorComponentProps) {
  return (
    <main className="alone">
      <h1>This page can’t be shown</h1>
      <Failure error={error} again={reset} />
    </main>
  );
}
