/**
 * Browsers cut elements off beyond some ten million pixels. What is higher scrolls in a shorter element: near both ends pixel by pixel, and in
 * between by parts.
 */
export const HIGHEST = 8_000_000;
const EDGE = HIGHEST / 4;

/** Where both scroll to at the most: the whole, and the element. */
export interface Ends {
  most: number;
  own: number;
}

function along(value: number, from: number, to: number): number {
  if (value <= EDGE) return value;
  if (value >= from - EDGE) return to - (from - value);
  return EDGE + ((value - EDGE) / (from - 2 * EDGE)) * (to - 2 * EDGE);
}

/** The element's place for one of the whole. */
export function placeAt(top: number, { most, own }: Ends): number {
  return most <= own ? top : Math.round(along(top, most, own));
}

/** The whole's place for one of the element. */
export function topAt(place: number, { most, own }: Ends): number {
  return most <= own ? place : along(place, own, most);
}
