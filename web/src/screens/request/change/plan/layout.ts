import dagre from "@dagrejs/dagre";

import type { Step } from "./step";

export const WIDTH = 220;
export const HEIGHT = 64;

export interface Placed {
  step: Step;
  x: number;
  y: number;
}

export interface Edge {
  key: string;
  path: string;
}

export interface Layout {
  width: number;
  height: number;
  nodes: Placed[];
  edges: Edge[];
}

/** Steps from left to right, in the order in which they could run. */
export function layout(steps: Step[], direction: "LR" | "TB"): Layout {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: direction, nodesep: 20, ranksep: 48, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of steps) graph.setNode(id, { width: WIDTH, height: HEIGHT });
  for (const { id, after } of steps) for (const before of after) if (graph.hasNode(before)) graph.setEdge(before, id);
  dagre.layout(graph);
  const { width = WIDTH, height = HEIGHT } = graph.graph();
  return {
    width,
    height,
    nodes: steps.map((step) => {
      const { x = 0, y = 0 } = graph.node(step.id);
      return { step, x: x - WIDTH / 2, y: y - HEIGHT / 2 };
    }),
    edges: graph.edges().map((edge) => {
      const points: { x: number; y: number }[] = graph.edge(edge).points ?? [];
      const path = points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${x},${y}`).join(" ");
      return { key: `${edge.v} ${edge.w}`, path };
    }),
  };
}
