import { useSyncExternalStore } from "react";

const heard = new Set<() => void>();

/** A choice that this browser keeps, the same wherever it is shown. */
export function useRemembered<Value extends string>(
  key: string,
  allowed: readonly Value[],
  first: Value,
): [Value, (value: Value) => void] {
  const kept = useSyncExternalStore(listen, () => localStorage.getItem(key));
  const value = allowed.find((one) => one === kept) ?? first;
  return [
    value,
    (chosen) => {
      localStorage.setItem(key, chosen);
      for (const tell of heard) tell();
    },
  ];
}

function listen(tell: () => void): () => void {
  heard.add(tell);
  addEventListener("storage", tell);
  return () => {
    heard.delete(tell);
    removeEventListener("storage", tell);
  };
}

/** Whether the window fits a media query now. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (tell) => {
      const media = matchMedia(query);
      media.addEventListener("change", tell);
      return () => media.removeEventListener("change", tell);
    },
    () => matchMedia(query).matches,
  );
}
