import { groupsOf } from "../../api/hosts";
import type { Agent } from "./read";

export interface State {
  word: string;
  mood: "good" | "works" | "asks" | "bad" | "over";
  sign: string;
}

/** How an agent stands: what it says of itself counts only while it is heard, and what a person wants of it before that. */
export function stateOf(agent: Agent): State {
  if (!agent.alive && agent.desired === "drained") return { word: "drained, ended", mood: "over", sign: "–" };
  if (!agent.alive) return { word: "silent", mood: "bad", sign: "✕" };
  if (agent.desired === "paused") return { word: "paused", mood: "asks", sign: "‖" };
  if (agent.desired === "drained") {
    const word = agent.running.length > 0 ? "draining" : "drained";
    return { word, mood: "asks", sign: "‖" };
  }
  if (agent.availability === "available") return { word: "available", mood: "good", sign: "✓" };
  if (agent.availability === "busy") return { word: "busy", mood: "works", sign: "●" };
  return { word: agent.availability.replaceAll("_", " "), mood: "asks", sign: "‖" };
}

/** Whether it takes work, as far as that can be seen here. */
function takesWork(agent: Agent): boolean {
  return agent.alive && agent.desired === "active" && agent.left_alone == null;
}

/** Hosts that nobody else reaches: without this agent, what is for them waits. */
export function onlyReachedBy(agent: Agent, all: Agent[]): string[] {
  const reached = (of: Agent) => groupsOf(of.hosts).flatMap(([, names]) => names);
  const others = new Set(
    all.filter((other) => other.agent_id !== agent.agent_id && takesWork(other)).flatMap((other) => reached(other)),
  );
  return Array.from(new Set(reached(agent))).filter((host) => !others.has(host));
}

/** Those that need somebody first, then by name. */
export function order(one: Agent, other: Agent): number {
  return rank(one) - rank(other) || one.agent_id.localeCompare(other.agent_id);
}

function rank(agent: Agent): number {
  const { mood } = stateOf(agent);
  return mood === "bad" ? 0 : mood === "asks" ? 1 : mood === "over" ? 3 : 2;
}
