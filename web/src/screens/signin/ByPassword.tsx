import { useState } from "react";

import { Problem } from "../../api/problem";
import type { Way } from "./SignIn";

/** The code of a password that somebody else has chosen: it signs in with one of their own beside it. */
const TO_REPLACE = 5036;
const UNSUITABLE = 5035;

/** Whether the password was right, and has to be replaced. */
export const isToReplace = (error: Error | null): boolean => error instanceof Problem && error.code === TO_REPLACE;

/** Name and password, with what a password manager needs to know them by. */
export function ByPassword({ enter, busy, error }: Way) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [own, setOwn] = useState("");
  const [again, setAgain] = useState("");
  const refused = error instanceof Problem ? error.code : undefined;
  const replaces = isToReplace(error) || (refused === UNSUITABLE && own !== "");
  return (
    <form
      className="sign-in-form"
      onSubmit={(event) => {
        event.preventDefault();
        enter({ name: name.trim(), password, ...(replaces && own !== "" ? { new_password: own } : {}) });
      }}
    >
      <label>
        Name
        <input
          value={name}
          onChange={(event) => setName(event.target.value)}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
        />
      </label>
      <label>
        Password
        <input
          type="password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          autoComplete="current-password"
          required
        />
      </label>
      {replaces && (
        <>
          <p role="status">
            Somebody else has chosen this password for you. Choose one of your own; it counts from now on.
          </p>
          <label>
            A new password of your own
            <input
              type="password"
              value={own}
              onChange={(event) => setOwn(event.target.value)}
              autoComplete="new-password"
              minLength={8}
              required
            />
          </label>
          <label>
            The same again
            <input
              ref={(input) =>
                input?.setCustomValidity(again === own ? "" : "This is not the same as the new password.")
              }
              type="password"
              value={again}
              onChange={(event) => setAgain(event.target.value)}
              autoComplete="new-password"
              required
            />
          </label>
        </>
      )}
      <button type="submit" className="primary" disabled={busy}>
        {busy ? "Signing in…" : "Sign in"}
      </button>
    </form>
  );
}
