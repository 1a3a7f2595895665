const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

const two = (value: number) => String(value).padStart(2, "0");

/** `0:04.1`, `12:30.0`, `2:05:00`: how long after the beginning. */
export function clock(milliseconds: number): string {
  const tenths = Math.max(0, Math.round(milliseconds / 100));
  const seconds = Math.floor(tenths / 10);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours}:${two(minutes)}:${two(seconds % 60)}`;
  return `${minutes}:${two(seconds % 60)}.${tenths % 10}`;
}

export function exactly(at: number): string {
  return Number.isNaN(at) ? "" : `${absolute.format(at)}, ${String(Math.round(at % 1000)).padStart(3, "0")} ms`;
}
