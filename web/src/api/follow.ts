import type { QueryClient } from "@tanstack/react-query";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

/** How a follower stands to the server: `lost` since when it does not hear it. */
export type Connection = { state: "open" } | { state: "lost"; since: number } | { state: "ended" };

const TOLD = ["request", "task", "message", "plan", "log", "commit"];
const OPEN_AGAIN_AFTER = 2_000;

/** Follows a request from an event on: what it tells of is looked at again. After a loss it goes on from where it was. */
export function useFollow(requestId: string, after: number | undefined): Connection {
  const client = useQueryClient();
  const [connection, setConnection] = useState<Connection>({ state: "open" });
  useEffect(() => {
    if (after === undefined) return;
    const look = soon(() => lookAgain(client, requestId));
    let source: EventSource | undefined;
    let isOver = false;
    let again: ReturnType<typeof setTimeout> | undefined;
    let behind = after;
    const open = () => {
      if (isOver) return;
      const view = new EventSource(`/request/${requestId}/events?after=${behind}`);
      source = view;
      view.onopen = () => setConnection({ state: "open" });
      view.onerror = () => {
        setConnection((now) => (now.state === "lost" ? now : { state: "lost", since: Date.now() }));
        // The browser gives up where something else answers, such as a proxy whose server is away.
        if (view.readyState === EventSource.CLOSED) again = setTimeout(open, OPEN_AGAIN_AFTER);
      };
      for (const kind of TOLD) {
        view.addEventListener(kind, (event: MessageEvent<string>) => {
          behind = Number(event.lastEventId) || behind;
          look();
        });
      }
      view.addEventListener("end", () => {
        isOver = true;
        view.close();
        setConnection({ state: "ended" });
        lookAgain(client, requestId);
      });
    };
    // A browser has six connections to a server: a window that nobody sees keeps none.
    const watch = () => {
      clearTimeout(again);
      source?.close();
      if (document.hidden) return;
      open();
      look();
    };
    if (!document.hidden) open();
    document.addEventListener("visibilitychange", watch);
    return () => {
      document.removeEventListener("visibilitychange", watch);
      clearTimeout(again);
      source?.close();
    };
    // What follows is the request from one event on; a later look at it begins no second following.
  }, [requestId, after === undefined]);
  return connection;
}

function lookAgain(client: QueryClient, requestId: string): void {
  void client.invalidateQueries({ queryKey: ["request", requestId] });
  void client.invalidateQueries({ queryKey: ["requests"] });
}

/** Many calls in a short time are one, at its end. */
function soon(act: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      act();
    }, 60);
  };
}
