import type { QueryClient } from "@tanstack/react-query";

import { newKey } from "../../../../api/client";
import { Problem, Unreachable } from "../../../../api/problem";

/** What was meant under a name and not heard of, for as long as this window is open: also where its screen was left meanwhile. */
const unheard = new Map<string, { meaning: string; key: string }>();

/** The same call is under way: its key is the one to try again with. */
const UNDER_WAY = 5127;

/** A thing that somebody means to do has one key, however often it is tried: it is done once. */
export function useMeant(name: string): { keyOf: (meaning: unknown) => string; settled: (error?: unknown) => void } {
  return {
    keyOf: (meaning) => {
      const written = JSON.stringify(meaning);
      const known = unheard.get(name);
      if (known?.meaning === written) return known.key;
      const key = newKey();
      unheard.set(name, { meaning: written, key });
      return key;
    },
    // What was not heard of may have been done; only an answer ends it.
    settled: (error) => {
      const isOver = error === undefined || (error instanceof Problem && error.details.status < 500);
      if (isOver && !(error instanceof Problem && error.code === UNDER_WAY)) unheard.delete(name);
    },
  };
}

/** After a call: what has become of the request. While nobody answers, that is not waited for. */
export async function lookAgain(client: QueryClient, requestId: string, error: unknown): Promise<void> {
  void client.invalidateQueries({ queryKey: ["requests"] });
  const looked = client.invalidateQueries({ queryKey: ["request", requestId] });
  if (!(error instanceof Unreachable)) await looked;
}
