import type { Schemas } from "../../api/client";
import { fields, text, texts } from "../../api/reading";

/** A sentence that can be asked here. */
export interface Example {
  sentence: string;
  does: string;
  risk: string;
}

const MOST = 4;
/** Of examples that work, those with less risk come first: who tries something out should not break anything. */
const RISKS = ["read_only", "low", "medium", "high", "destructive"];

/** Sentences for what the catalogue has and for hosts that there are, one for each action. */
export function examplesOf(actions: object[], agents: Schemas["AgentView"][]): Example[] {
  const hosts = hostsOf(agents);
  const found = actions.flatMap((action) => exampleOf(action, hosts));
  return found.sort((one, other) => RISKS.indexOf(one.risk) - RISKS.indexOf(other.risk)).slice(0, MOST);
}

/** Every host of the inventories of agents that live. */
export function hostsOf(agents: Schemas["AgentView"][]): string[] {
  const groups = agents.filter(({ alive }) => alive).flatMap(({ hosts }) => Object.values(fields(hosts)));
  return [...new Set(groups.flatMap(texts))].sort();
}

function exampleOf(value: object, hosts: string[]): Example[] {
  const action = fields(value);
  const examples = texts(action.examples);
  const isTargeted = action.target !== undefined && action.target !== null;
  const sentence = isTargeted ? here(examples, hosts) : examples[0];
  if (sentence === undefined) return [];
  return [
    {
      sentence: capital(sentence),
      does: text(action.title) ?? text(action.name) ?? "",
      risk: text(action.risk) ?? "unknown",
    },
  ];
}

/** The first example that names a host that there is, else the first one with such a host in the place of its own. */
function here(examples: string[], hosts: string[]): string | undefined {
  const host = hosts[0];
  if (host === undefined) return undefined;
  const named = examples.find((example) => wordsOf(example).some((word) => hosts.includes(word)));
  if (named !== undefined) return named;
  const placed = examples.find((example) => PLACE.test(example));
  return placed?.replace(PLACE, (_, before: string) => `${before} ${host}`);
}

/** A host at the end of a sentence: "… on nas", "… to nas?". */
const PLACE = /\b(on|to|from|of|at) [A-Za-z0-9._-]*[A-Za-z0-9](?=\??$)/;

function wordsOf(sentence: string): string[] {
  return sentence.split(/[\s?,;]+/);
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
