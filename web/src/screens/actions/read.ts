import type { Schemas } from "../../api/client";

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

/** An action as its `action.yml` describes it, read from an answer that may leave out any of it. */
export interface Action {
  name: string;
  title: string;
  description: string;
  risk: string;
  check: string;
  agentType: string;
  privilege: string;
  repeatable: string;
  timeoutSeconds: number | undefined;
  examples: string[];
  aliases: [string, string[]][];
  needs: string[];
  runsWith: [string, string][];
  ownCode: string[];
  undo: string | undefined;
  /** The parameter that names the hosts. */
  target: string | undefined;
  irreversible: string;
  parameters: unknown;
  outputs: unknown;
  sha256: string;
  versions: Schemas["VersionView"][];
}

export function actionOf(view: unknown): Action {
  const of = fields(view);
  const name = text(of.name);
  return {
    name,
    title: text(of.title) || name,
    description: text(of.description),
    risk: text(of.risk),
    check: text(of.check),
    agentType: text(of.agent_type),
    privilege: text(of.privilege),
    repeatable: text(of.repeatable),
    timeoutSeconds: number(of.timeout_seconds),
    examples: texts(of.examples),
    aliases: Object.entries(fields(of.aliases)).map(([word, others]) => [word, texts(others)]),
    needs: needsOf(of.resources),
    runsWith: Object.entries(fields(of.runs_with)).map(([what, version]) => [what, text(version)]),
    ownCode: texts(of.own_code),
    undo: text(fields(of.undo).action) || undefined,
    target: text(fields(of.target).parameter) || undefined,
    irreversible: text(of.irreversible),
    parameters: of.parameters,
    outputs: of.outputs,
    sha256: text(of.sha256),
    versions: Array.isArray(of.versions) ? (of.versions as Schemas["VersionView"][]) : [],
  };
}

/** What it needs of a machine while it runs, in words. */
function needsOf(resources: unknown): string[] {
  const of = fields(resources);
  const needs: string[] = [];
  const [memory, cores, gpuMemory] = [number(of.memory_gb), number(of.cpu_cores), number(of.gpu_memory_gb)];
  if (memory) needs.push(`${memory} GiB of memory`);
  if (cores) needs.push(cores === 1 ? "1 core" : `${cores} cores`);
  if (of.gpu === true || gpuMemory) needs.push(gpuMemory ? `a GPU with ${gpuMemory} GiB free` : "a GPU");
  return needs;
}

/** Whether all words of a search stand somewhere in what people know an action by. */
export function fits(action: Action, search: string): boolean {
  const { name, title, description, examples, aliases } = action;
  const all = [name, title, description, ...examples, ...aliases.flatMap(([word, others]) => [word, ...others])]
    .join("\n")
    .toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}
