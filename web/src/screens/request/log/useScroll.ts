import { useCallback, useLayoutEffect, useRef, useState, type RefObject } from "react";

import { HIGHEST, placeAt, topAt, type Ends } from "./places";

const SETTLED = 160;

export interface Scroll {
  box: RefObject<HTMLDivElement | null>;
  /** What of the whole is seen: from where, and how much. */
  top: number;
  height: number;
  /** How high the element that is scrolled is, and by how much the whole's places differ from its own. */
  inner: number;
  shift: number;
  to: (top: number) => void;
  onScroll: () => void;
}

/** Scrolling over `total` pixels, however many they are. `moved` is told what a person did: up or down, and whether that was the end. */
export function useScroll(total: number, moved: (up: boolean, atEnd: boolean) => void): Scroll {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600, shift: 0 });
  const now = useRef(view);
  const settle = useRef<ReturnType<typeof setTimeout>>(undefined);
  const expected = useRef<number>(undefined);
  const inner = Math.min(total, HIGHEST);
  const sizes = useRef({ total, inner });
  sizes.current = { total, inner };
  const ends = (element: HTMLDivElement): Ends => ({
    most: sizes.current.total - element.clientHeight,
    own: sizes.current.inner - element.clientHeight,
  });

  const set = useCallback((top: number, shift: number) => {
    const height = box.current?.clientHeight ?? now.current.height;
    const next = { top, shift, height };
    const { current } = now;
    if (current.top === top && current.shift === shift && current.height === height) return;
    now.current = next;
    setView(next);
  }, []);

  const to = useCallback(
    (wanted: number) => {
      const element = box.current;
      if (element === null) return;
      const both = ends(element);
      const top = Math.round(Math.max(0, Math.min(wanted, both.most)));
      const place = placeAt(top, both);
      if (Math.abs(element.scrollTop - place) >= 1) {
        element.scrollTop = place;
        expected.current = element.scrollTop;
      }
      set(top, top - element.scrollTop);
    },
    [set],
  );

  const onScroll = useCallback(() => {
    const element = box.current;
    if (element === null) return;
    const place = element.scrollTop;
    const own = expected.current;
    expected.current = undefined;
    if (own !== undefined && Math.abs(own - place) < 1) return;
    const both = ends(element);
    const { most, own: ownMost } = both;
    const before = now.current;
    const step = place + before.shift - before.top;
    let top = place + before.shift;
    if (most > ownMost) {
      const far = Math.abs(step) > 4 * element.clientHeight;
      if (far) top = Math.round(topAt(place, both));
      top = Math.max(0, Math.min(top, most));
      const stuck = (place <= 0 && top > 0) || (place >= ownMost - 1 && top < most - 1);
      clearTimeout(settle.current);
      if (stuck) to(top);
      else settle.current = setTimeout(() => to(now.current.top), SETTLED);
    }
    set(top, top - element.scrollTop);
    moved(top < before.top, top >= most - 4);
  }, [set, to, moved]);

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => set(now.current.top, now.current.shift));
    watch.observe(element);
    return () => {
      watch.disconnect();
      clearTimeout(settle.current);
    };
  }, [set]);

  return { box, ...view, inner, to, onScroll };
}
