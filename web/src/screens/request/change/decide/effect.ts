import { applies, hostsOf, type Step } from "../plan/step";
import { cut } from "../../../../parts/words";

const LONGEST = 64;

/** What approval does, as a button says it: "Deploy Kuma to nas", "Run 3 steps on nas, web1". */
export function effectOf(steps: Step[]): string {
  const own = steps.filter(applies);
  const only = own[0];
  if (own.length === 1 && only !== undefined) return cut(only.title, LONGEST);
  const hosts = hostsOf(steps);
  const where = hosts.length > 3 ? `${hosts.length} hosts` : hosts.join(", ");
  return `Run ${own.length} steps${where === "" ? "" : ` on ${where}`}`;
}

/** Whether a click alone is too little. */
export function isGrave(risk: string): boolean {
  return !["read_only", "low", "medium"].includes(risk);
}

/** What is to be typed before it begins: the host's name, or how many there are. */
export function wordOf(hosts: string[]): { word: string; what: string } {
  const only = hosts[0];
  if (hosts.length === 1 && only !== undefined) return { word: only, what: "the name of the host" };
  if (hosts.length === 0) return { word: "run", what: "the word" };
  return { word: String(hosts.length), what: "the number of hosts" };
}
