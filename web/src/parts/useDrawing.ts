import { useEffect, useRef, type RefObject } from "react";
import type uPlot from "uplot";

/**
 * Where a plot is drawn: anew when what it shows changes and when the theme does, as wide as its place. `draw` is made anew, as by
 * `useCallback`, when there is something else to show.
 */
export function useDrawing(draw: (at: HTMLElement) => uPlot, height: number): RefObject<HTMLDivElement | null> {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const at = place.current;
    if (at === null) return;
    let drawing = draw(at);
    const again = () => {
      drawing.destroy();
      drawing = draw(at);
    };
    const wider = new ResizeObserver(() => drawing.setSize({ width: at.clientWidth, height }));
    wider.observe(at);
    // Colours are drawn, not styled: another theme is another drawing.
    const themed = new MutationObserver(again);
    themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", again);
    return () => {
      dark.removeEventListener("change", again);
      themed.disconnect();
      wider.disconnect();
      drawing.destroy();
    };
  }, [draw, height]);
  return place;
}
