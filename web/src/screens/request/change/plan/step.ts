import type { Schemas } from "../../../../api/client";
import { fields, list, number, text, texts, told, type Fields, type Told } from "../../../../api/reading";

export type Plan = Schemas["PlanView"];
/** What was planned, of a plan that stands or of one before it. */
export type Planned = Pick<Plan, "revision" | "summary" | "risk" | "notes" | "policy"> & { steps: unknown[] };

/** Lines that would change alike on some hosts. */
export interface Change {
  name: string;
  hosts: string[];
  diff?: string;
}

/** What a step's dry run says, or why there is none. */
export interface Preview {
  status: string;
  coverage?: number;
  tasks?: number;
  progress: number;
  changes: Change[];
  notPreviewed: string[];
  warnings: string[];
  waiting?: { text: string; since?: string };
  error?: Told;
  text?: string;
  madeAt?: string;
}

/** A step of a plan. */
export interface Step {
  id: string;
  title: string;
  action: string;
  isAction: boolean;
  risk: string;
  phase: string;
  hosts: string[];
  parameters: Fields;
  after: string[];
  references: Fields;
  found?: Fields;
  undo?: { action: string; with: Fields };
  irreversible?: string;
  timeout?: number;
  repeatable?: string;
  when?: string;
  onFailure?: string;
  retry?: Fields;
  agentType?: string;
  runsWith: Fields;
  ownCode: string[];
  preview: Preview;
}

/** A value that may be missing, as a field that then is missing, too. */
function given<Name extends string, Value>(name: Name, value: Value | undefined): { [key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [key in Name]?: Value });
}

export function stepOf(value: unknown): Step {
  const step = fields(value);
  const tool = text(fields(step.tool).uri);
  const undo = fields(step.undo);
  const undoing = text(undo.action);
  return {
    id: text(step.step_id) ?? "?",
    title: text(step.title) ?? text(step.step_id) ?? "A step without a title",
    action: text(step.action) ?? tool ?? "unknown",
    isAction: text(step.action) !== undefined,
    risk: text(step.risk) ?? "unknown",
    phase: text(step.phase) ?? "apply",
    hosts: texts(step.hosts),
    parameters: fields(step.parameters),
    after: texts(step.depends_on),
    references: fields(step.frozen_references),
    runsWith: fields(step.runs_with),
    ownCode: texts(step.own_code),
    preview: previewOf(step.preview),
    ...given("found", step.frozen_outputs === undefined ? undefined : fields(step.frozen_outputs)),
    ...given("undo", undoing === undefined ? undefined : { action: undoing, with: fields(undo.with) }),
    ...given("irreversible", text(step.irreversible)),
    ...given("timeout", number(step.timeout_seconds)),
    ...given("repeatable", text(step.repeatable)),
    ...given("when", text(step.when)),
    ...given("onFailure", text(step.on_failure)),
    ...given("retry", step.retry === undefined || step.retry === null ? undefined : fields(step.retry)),
    ...given("agentType", text(step.agent_type)),
  };
}

function previewOf(value: unknown): Preview {
  const preview = fields(value);
  const waiting = fields(preview.waiting_for);
  const waits = text(waiting.text);
  return {
    status: text(preview.status) ?? "none",
    progress: number(preview.progress) ?? 0,
    changes: together(list(preview.changes).map(changeOf)),
    notPreviewed: texts(preview.not_previewed),
    warnings: list(preview.warnings).map(words),
    ...given("coverage", number(preview.coverage)),
    ...given("tasks", number(preview.tasks)),
    ...given("waiting", waits === undefined ? undefined : { text: waits, ...given("since", text(waiting.since)) }),
    ...given("error", told(preview.error)),
    ...given("text", text(preview.text)),
    ...given("madeAt", text(preview.made_at)),
  };
}

function changeOf(value: unknown): Change {
  const change = fields(value);
  return {
    name: text(change.name) ?? "A task without a name",
    hosts: texts(change.hosts),
    ...given("diff", text(change.diff)),
  };
}

/** A warning is a text, or an object that has one. */
function words(warning: unknown): string {
  return text(warning) ?? told(warning)?.message ?? "";
}

/** Changes that are the same but for their hosts, as one. */
function together(changes: Change[]): Change[] {
  const groups = new Map<string, Change>();
  for (const change of changes) {
    const key = JSON.stringify([change.name, change.diff]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { ...change });
    else group.hosts = [...new Set([...group.hosts, ...change.hosts])];
  }
  return [...groups.values()];
}

export function stepsOf(plan: Pick<Planned, "steps">): Step[] {
  return plan.steps.map(stepOf);
}

/** What the policy asks for. */
export interface Policy {
  needed: number;
  selfApproval: boolean;
  reasons: string[];
}

export function policyOf(plan: Pick<Planned, "policy">): Policy {
  const policy = fields(plan.policy);
  return {
    needed: number(policy.approvals_needed) ?? 1,
    selfApproval: policy.self_approval !== false,
    reasons: texts(policy.reasons),
  };
}

/** Every host that a step which runs after approval may touch. */
export function hostsOf(steps: Step[]): string[] {
  return [...new Set(steps.filter(applies).flatMap((step) => step.hosts))].sort();
}

export function applies(step: Step): boolean {
  return step.phase !== "discover";
}
