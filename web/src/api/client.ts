import createClient, { defaultPathSerializer, type Middleware } from "openapi-fetch";

import { plainly } from "./plainly";
import { Problem, problemOf, Unreachable } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

const telling: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw await problemOf(response);
    const { status, statusText, headers } = response;
    return new Response(plainly(await response.text()), { status, statusText, headers });
  },
  onError({ error }) {
    if (error instanceof Problem || error instanceof Unreachable) return error;
    return new Unreachable(error instanceof Error ? error.message : "the connection broke off");
  },
};

/** A name that an address would read as a step up is refused: the call would be another one. */
function pathOf(path: string, names: Record<string, unknown>): string {
  for (const name of Object.values(names)) {
    if (name === "." || name === "..") throw new Error(`“${name}” is no name`);
  }
  return defaultPathSerializer(path, names);
}

/** Every endpoint, with its types. Calls that are refused throw a `Problem`. */
export const api = createClient<paths>({ baseUrl: "", credentials: "same-origin", pathSerializer: pathOf });
api.use(telling);

/** What an answer holds. A refusal has been thrown by then. */
export async function held<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  return data as T;
}

/** The key of one thing that somebody means to do: a call that is repeated under it is done once. */
export function newKey(): string {
  // `crypto.randomUUID` is there only on https and on this machine's own address.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
