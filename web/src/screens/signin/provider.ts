import { api, held } from "../../api/client";

/** With what a provider has sent the browser back: what signs it in, or the word for why not. */
export type Returned = { code: string; state: string } | { refused: string };

const TO = "chiffon.signin.to";
const ITS_OWN = ["code", "state", "error", "error_description", "error_uri", "iss", "session_state"];

/** Goes to the provider; `to` is where somebody wanted to go here. */
export async function leaveFor(to: string | undefined): Promise<void> {
  const { url } = await held(api.POST("/session/oidc"));
  if (to === undefined) sessionStorage.removeItem(TO);
  else sessionStorage.setItem(TO, to);
  location.assign(url);
}

/** Where somebody wanted to go before they were sent to the provider. */
export function takeTo(): string | undefined {
  const to = sessionStorage.getItem(TO) ?? undefined;
  sessionStorage.removeItem(TO);
  return to;
}

/** What the provider has put into the address; it is taken out of it at once. */
export function takeReturn(): Returned | undefined {
  const search = new URLSearchParams(location.search);
  const [code, state, error] = ["code", "state", "error"].map((name) => search.get(name) ?? undefined);
  if (state === undefined || (code === undefined && error === undefined)) return undefined;
  for (const name of ITS_OWN) search.delete(name);
  const rest = search.size === 0 ? "" : `?${search.toString()}`;
  history.replaceState(null, "", location.pathname + rest);
  if (code !== undefined) return { code, state };
  // Anybody can make such an address: only a word is shown, and nothing that somebody has written.
  return { refused: /^[a-z_]{1,40}$/.test(error ?? "") ? (error ?? "") : "for a reason that can’t be read" };
}
