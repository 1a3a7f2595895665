import { useState } from "react";

import { Command } from "../../parts/Copy";
import { ByPassword } from "./ByPassword";
import type { Way } from "./SignIn";

/** The ways to sign in: a name with a password, a link from a terminal, a token. */
export function Ways(way: Way) {
  return (
    <>
      <ByPassword {...way} />
      <h2>Without a password</h2>
      <p>At a terminal where you are signed in, ask for a link that opens this page once:</p>
      <p>
        <Command text="chiffon login" />
      </p>
      <p className="faint">
        Where Chiffon was started with --data-dir, say the same here: chiffon --data-dir DIR login. Or ask whoever looks
        after it for a link.
      </p>
      <ByToken {...way} />
    </>
  );
}

function ByToken({ enter, busy }: Way) {
  const [token, setToken] = useState("");
  return (
    <form
      className="sign-in-form"
      onSubmit={(event) => {
        event.preventDefault();
        enter({ token: token.trim() });
      }}
    >
      <label>
        Or use a token
        <input
          type="password"
          value={token}
          onChange={(event) => setToken(event.target.value)}
          autoComplete="off"
          placeholder="chf_…"
          required
        />
      </label>
      <button type="submit" disabled={busy || token.trim() === ""}>
        {busy ? "Signing in…" : "Sign in with the token"}
      </button>
    </form>
  );
}
