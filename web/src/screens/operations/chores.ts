/** What each chore is for, by its name. One that a newer server has is shown by its name alone. */
const CHORES: Record<string, string> = {
  dead_letter_keeper: "leads dead letters back, and lets old ones go",
  deadline_reaper: "ends what has taken too long",
  dispatcher: "offers tasks to agents",
  git_scribe: "commits what was done to the audit repository",
  invariant_checker: "looks whether what must never be, is not",
  lease_reaper: "notices tasks whose agent has fallen silent",
  log_sealer: "seals the logs of tasks that have ended",
  lookout: "looks for what waits for long, is not heard, is spent, or soon counts no more",
  notifier: "finds what people are to be told",
  oidc_refresher: "asks the identity provider whether people are still who they were",
  outbox_relay: "puts messages onto the bus",
  partitions: "makes room for the next months, and lets old ones go",
  planning: "makes plans",
  postman: "tells people, where they are",
};

export function purpose(chore: string): string {
  return CHORES[chore] ?? "";
}
