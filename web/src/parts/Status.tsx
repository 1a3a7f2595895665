/** States of requests, tasks, agents and hosts, by what they mean for who looks: shape and word, never colour alone. */
type Mood = "waits" | "works" | "good" | "bad" | "over" | "asks";

const MOODS: Record<string, Mood> = {
  planning: "works",
  discovering: "works",
  previewing: "works",
  running: "works",
  dispatched: "works",
  needs_input: "asks",
  awaiting_approval: "asks",
  needs_attention: "bad",
  paused: "waits",
  pending: "waits",
  waiting: "waits",
  completed: "good",
  ok: "good",
  available: "good",
  busy: "works",
  proposed: "asks",
  violated: "bad",
  not_judged: "asks",
  ready: "good",
  valid: "good",
  open: "asks",
  replayed: "good",
  purged: "over",
  approved: "good",
  failed: "bad",
  unreachable: "bad",
  unknown: "bad",
  interrupted: "bad",
  down: "bad",
  degraded: "asks",
  cancelled: "over",
  rejected: "over",
  expired: "over",
  superseded: "over",
  withdrawn: "over",
  skipped: "over",
  not_begun: "over",
  unfinished: "bad",
};

const SIGNS: Record<Mood, string> = { waits: "◦", works: "●", good: "✓", bad: "✕", over: "–", asks: "?" };

/** `awaiting_approval` as people read it. */
export function words(status: string): string {
  return status.replaceAll("_", " ");
}

export function Status({ of }: { of: string }) {
  const mood = MOODS[of] ?? "over";
  return (
    <span className={`status ${mood}`}>
      <span aria-hidden="true">{SIGNS[mood]}</span> {words(of)}
    </span>
  );
}

const RISKS: Record<string, string> = {
  read_only: "reads only",
  low: "low risk",
  medium: "medium risk",
  high: "high risk",
  destructive: "destructive",
};
const BARS: Record<string, number> = { read_only: 0, low: 1, medium: 2, high: 3, destructive: 4 };

/** Risk as words and as so many bars. */
export function Risk({ of }: { of: string }) {
  const bars = BARS[of] ?? 4;
  return (
    <span className={`risk risk-${of}`}>
      <span className="bars" aria-hidden="true">
        {[1, 2, 3, 4].map((bar) => (
          <i key={bar} className={bar <= bars ? "on" : ""} />
        ))}
      </span>{" "}
      {RISKS[of] ?? words(of)}
    </span>
  );
}

/** Names of hosts, so many and then how many more. */
export function Hosts({ names, most = 6 }: { names: string[]; most?: number }) {
  return (
    <span className="hosts">
      {names.slice(0, most).map((name) => (
        <span key={name} className="chip">
          {name}
        </span>
      ))}
      {names.length > most && (
        <span className="chip" title={names.join(", ")}>
          and {names.length - most} more
        </span>
      )}
    </span>
  );
}
