import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";

/** One key or two in sequence (`g i`), and what it does, in words. */
export interface Shortcut {
  keys: string;
  does: string;
  act: () => void;
}

interface Registry {
  add: (shortcut: { current: Shortcut }) => () => void;
  all: () => Shortcut[];
}

const Shortcuts = createContext<Registry | undefined>(undefined);

/** The second key of a sequence must come within this. */
const SEQUENCE_WITHIN = 1200;

export function ShortcutsProvider({ children }: { children: ReactNode }) {
  const known = useRef(new Set<{ current: Shortcut }>());
  const registry = useMemo<Registry>(
    () => ({
      add: (shortcut) => {
        known.current.add(shortcut);
        return () => void known.current.delete(shortcut);
      },
      all: () => Array.from(known.current, ({ current }) => current),
    }),
    [],
  );
  useEffect(() => {
    let first: { key: string; at: number } | undefined;
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
      if (event.key === "Shift") return;
      // What lies in front of the page has its own keys.
      if (document.querySelector('[role="dialog"], [role="alertdialog"]') !== null) return;
      const before = first !== undefined && event.timeStamp - first.at < SEQUENCE_WITHIN ? `${first.key} ` : "";
      first = undefined;
      const all = registry.all();
      const found =
        all.findLast(({ keys }) => keys === before + event.key) ?? all.findLast(({ keys }) => keys === event.key);
      if (found !== undefined) {
        event.preventDefault();
        found.act();
      } else if (all.some(({ keys }) => keys.startsWith(`${event.key} `))) {
        first = { key: event.key, at: event.timeStamp };
      }
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [registry]);
  return <Shortcuts value={registry}>{children}</Shortcuts>;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName))
  );
}

/** Makes a key do something while this is shown; of two on one key, the one that came last. */
export function useShortcut(keys: string, does: string, act: () => void, on: boolean = true): void {
  const registry = useContext(Shortcuts);
  const shortcut = useRef<Shortcut>({ keys, does, act });
  useEffect(() => {
    shortcut.current = { keys, does, act };
  });
  useEffect(() => (on ? registry?.add(shortcut) : undefined), [registry, on]);
}

/** Every shortcut that counts now. */
export function useShortcuts(asked: boolean): Shortcut[] {
  const registry = useContext(Shortcuts);
  const [all, setAll] = useState<Shortcut[]>([]);
  useEffect(() => {
    if (asked) setAll(registry?.all() ?? []);
  }, [registry, asked]);
  return all;
}
