import { useState } from "react";

const PREFIX = "chiffon.draft.";

/** What was written under a name has been sent. */
export function forgetDraft(name: string): void {
  sessionStorage.removeItem(PREFIX + name);
}

/** Words that are being written, which this window keeps until they are sent: under a name, whatever screen is shown meanwhile. */
export function useDraft(
  name: string,
  first: string = "",
): [string, (change: string | ((text: string) => string)) => void] {
  const key = PREFIX + name;
  const [text, setText] = useState(() => first || (sessionStorage.getItem(key) ?? ""));
  const change = (to: string | ((text: string) => string)) =>
    setText((before) => {
      const after = typeof to === "string" ? to : to(before);
      if (after === "") sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, after);
      return after;
    });
  return [text, change];
}
