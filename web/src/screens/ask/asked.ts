import { useSyncExternalStore } from "react";

const KEY = "chiffon.asked";
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** So many cards at once; older requests stand in the list below. */
const MOST = 6;

const heard = new Set<() => void>();
let kept = read();

function read(): string[] {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(value) ? value.filter((id): id is string => typeof id === "string" && ID.test(id)) : [];
  } catch {
    // Whatever has written that, it was not this page.
    return [];
  }
}

function keep(ids: string[]): void {
  kept = ids.slice(0, MOST);
  sessionStorage.setItem(KEY, JSON.stringify(kept));
  for (const tell of heard) tell();
}

/** What was asked in this window, newest first. */
export function useAsked(): string[] {
  return useSyncExternalStore(
    (tell) => {
      heard.add(tell);
      return () => heard.delete(tell);
    },
    () => kept,
  );
}

export function addAsked(id: string): void {
  keep([id, ...kept.filter((other) => other !== id)]);
}

export function dropAsked(id: string): void {
  keep(kept.filter((other) => other !== id));
}
