/** What a kind of line looks like: a sign and a word beside it, so that colour is never all that tells. */
export interface Look {
  sign: string;
  word: string;
  tone: "head" | "plain" | "fine" | "changed" | "bad" | "warn";
}

const LOOKS: Record<string, Look> = {
  play_started: { sign: "▶", word: "play", tone: "head" },
  task_started: { sign: "›", word: "task", tone: "head" },
  task_ok: { sign: "✓", word: "ok", tone: "fine" },
  task_changed: { sign: "~", word: "changed", tone: "changed" },
  changed_for_real: { sign: "!", word: "changed for real", tone: "changed" },
  task_skipped: { sign: "–", word: "skipped", tone: "fine" },
  task_failed: { sign: "✕", word: "failed", tone: "bad" },
  host_unreachable: { sign: "✕", word: "unreachable", tone: "bad" },
  job_started: { sign: "›", word: "job", tone: "head" },
  job_ended: { sign: "›", word: "job ended", tone: "head" },
  output: { sign: "", word: "output", tone: "plain" },
  warning: { sign: "!", word: "warning", tone: "warn" },
  stats: { sign: "Σ", word: "total", tone: "head" },
};

export function lookOf(kind: string): Look {
  return LOOKS[kind] ?? { sign: "", word: kind.replaceAll("_", " "), tone: "plain" };
}

const FOLDED = new Set(["task_started", "task_ok", "task_skipped"]);
const FAILURES = new Set(["task_failed", "host_unreachable"]);

/** What stays when one looks only for changes and failures. */
export function isNotable(kind: string): boolean {
  return !FOLDED.has(kind);
}

export function isFailure(kind: string): boolean {
  return FAILURES.has(kind);
}
