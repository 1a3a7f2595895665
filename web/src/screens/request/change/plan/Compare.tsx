import { createTwoFilesPatch } from "diff";
import { useMemo } from "react";

import { Diff } from "../../diff/Diff";
import { policyOf, stepsOf, type Planned } from "./step";

/** Two plans of a request, line by line. */
export function Compare({ before, after }: { before: Planned; after: Planned }) {
  const diff = useMemo(() => {
    const patch = createTwoFilesPatch(
      `revision ${before.revision}`,
      `revision ${after.revision}`,
      written(before),
      written(after),
      undefined,
      undefined,
      { context: 2 },
    );
    // What stands before the first file is no part of either.
    return patch.slice(patch.indexOf("--- "));
  }, [before, after]);
  if (!diff.includes("\n@@"))
    return <p>The steps, their parameters and what the policy asks for are the same; only the hash differs.</p>;
  return <Diff diff={diff} />;
}

/** What a person compares of a plan, as lines. */
function written(plan: Planned): string {
  const policy = policyOf(plan);
  const lines = [
    `summary: ${plan.summary}`,
    `risk: ${plan.risk}`,
    `approvals needed: ${policy.needed}`,
    ...plan.notes.map((note) => `note: ${note}`),
  ];
  for (const step of stepsOf(plan)) {
    lines.push(
      "",
      `step: ${step.title}`,
      `  action: ${step.action}`,
      `  risk: ${step.risk}`,
      `  hosts: ${step.hosts.join(", ")}`,
    );
    if (step.after.length > 0) lines.push(`  after: ${step.after.join(", ")}`);
    if (step.irreversible !== undefined) lines.push(`  can’t be undone: ${step.irreversible}`);
    lines.push(...indented("parameters", step.parameters));
    if (step.found !== undefined) lines.push(...indented("found", step.found));
  }
  return `${lines.join("\n")}\n`;
}

/** A value as lines that differ only where it differs: no brackets, no commas. */
function indented(name: string, value: unknown, depth: number = 1): string[] {
  const margin = "  ".repeat(depth);
  if (Array.isArray(value)) {
    const items = value.flatMap((item: unknown) =>
      typeof item === "object" && item !== null ? indented("-", item, depth + 1) : [`${margin}  - ${scalar(item)}`],
    );
    return [`${margin}${name}:`, ...items];
  }
  if (typeof value === "object" && value !== null) {
    const inner = Object.entries(value).flatMap(([key, each]) => indented(key, each, depth + 1));
    return [`${margin}${name}:`, ...inner];
  }
  const [first, ...rest] = scalar(value).split("\n");
  return [`${margin}${name}: ${first}`, ...rest.map((line) => `${margin}  ${line}`)];
}

function scalar(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
