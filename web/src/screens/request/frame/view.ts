import type { Schemas } from "../../../api/client";

export type View = "change" | "run" | "history";

export const VIEWS: { view: View; name: string; digit: string }[] = [
  { view: "change", name: "Change", digit: "1" },
  { view: "run", name: "Run", digit: "2" },
  { view: "history", name: "History", digit: "3" },
];

/** Which part of a request is shown: the wanted one, else what is decided about until it runs, then the run. */
export function viewOf(request: Schemas["RequestAnswer"], wanted: string | undefined): View {
  const known = VIEWS.find(({ view }) => view === wanted);
  if (known !== undefined) return known.view;
  const runs = request.status === "running" || request.status === "completed" || request.status === "needs_attention";
  return runs || request.tasks.some(({ purpose }) => purpose === "apply") ? "run" : "change";
}
