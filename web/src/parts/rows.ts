import { useRef } from "react";

import { useShortcut } from "../shell/shortcuts";

/** `j` and `k` go through what carries `data-row` on a screen; Enter opens the one that has the focus, as it does with every link. */
export function useRows(one: string): void {
  const last = useRef(-1);
  const go = (step: number) => {
    const rows = Array.from(document.querySelectorAll<HTMLElement>("main [data-row]")).filter((row) =>
      row.checkVisibility(),
    );
    const now = rows.findIndex((row) => row.contains(document.activeElement));
    // A row that had the focus may be gone; its place is where one goes on.
    const from =
      now >= 0 ? now : step > 0 ? Math.min(last.current, rows.length - 1) - (last.current >= 0 ? 1 : 0) : last.current;
    const next = rows[Math.max(0, Math.min(rows.length - 1, from + step))];
    if (next === undefined) return;
    last.current = rows.indexOf(next);
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };
  useShortcut("j", `next ${one} (Enter opens it)`, () => go(1));
  useShortcut("k", `${one} before`, () => go(-1));
}
