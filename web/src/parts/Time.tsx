import { useEffect, useState } from "react";

const MINUTE = 60_000;
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "narrow" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** `3 min. ago`, `in 2 hr.`, `now`. */
export function ago(at: number, now: number): string {
  const seconds = Math.round((at - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 5) return "now";
  if (size < 60) return relative.format(seconds, "second");
  if (size < 3600) return relative.format(Math.round(seconds / 60), "minute");
  if (size < 86_400 * 2) return relative.format(Math.round(seconds / 3600), "hour");
  return relative.format(Math.round(seconds / 86_400), "day");
}

/** `850 ms`, `4.9 s`, `3 min 12 s`, `2 h 5 min`: of seconds. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  const tenths = Math.round(seconds * 10) / 10;
  if (tenths < 10) return `${tenths} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return both(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.round(whole / 60);
  return both(Math.floor(minutes / 60), "h", minutes % 60, "min");
}

function both(most: number, unit: string, rest: number, smaller: string): string {
  return rest === 0 ? `${most} ${unit}` : `${most} ${unit} ${rest} ${smaller}`;
}

/** The time now, told again every so many milliseconds. */
export function useNow(every: number = 1000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** When something was or will be: relative, and absolute where one points at it. */
export function Time({ at }: { at: string }) {
  const moment = new Date(at);
  const near = Math.abs(Date.now() - moment.getTime()) < MINUTE;
  const now = useNow(near ? 1000 : 15_000);
  return (
    <time dateTime={at} title={absolute.format(moment)}>
      {ago(moment.getTime(), now)}
    </time>
  );
}

/** How long something has lasted, while it lasts. */
export function Since({ at }: { at: string }) {
  const now = useNow();
  const seconds = Math.max(0, Math.round((now - new Date(at).getTime()) / 1000));
  return <time title={`since ${absolute.format(new Date(at))}`}>{duration(seconds === 0 ? 1 : seconds)}</time>;
}
