import { Link } from "@tanstack/react-router";

import { Hosts, Risk, words } from "../../../../parts/Status";
import { Preview } from "../preview/Preview";
import { fields, number, texts } from "../../../../api/reading";
import { duration } from "../../../../parts/Time";
import { named } from "../../../../parts/words";
import type { Part } from "./part";
import { applies, type Step } from "./step";
import { undoOf } from "./undo";
import { Values } from "./Value";

/** A step: what it does where, how bad it could be, and what it would change. */
export function StepCard({ step, at, steps, part }: { step: Step; at: number; steps: Step[]; part: Part }) {
  const isLeftOut = part.by !== undefined && applies(step) && part.out.has(step.id);
  return (
    <li
      className={isLeftOut ? "card change-step change-left-out" : "card change-step"}
      id={`step-${step.id}`}
      tabIndex={-1}
    >
      <header>
        <span className="change-step-number" aria-hidden="true">
          {at + 1}
        </span>
        <h3>{step.title}</h3>
        <span className="row">
          <Risk of={step.risk} />
          <Hosts names={step.hosts} />
        </span>
      </header>
      <p className="faint">
        {step.isAction ? (
          <Link to="/actions" search={{ name: step.action }}>
            {step.action}
          </Link>
        ) : (
          <code>{step.action}</code>
        )}
        {" · "}
        {order(step, steps)}
        {" · "}
        {isLeftOut ? "does not run" : applies(step) ? "runs after approval" : "reads only, ran before approval"}
        {step.timeout !== undefined && ` · stopped after ${duration(step.timeout)}`}
      </p>
      {isLeftOut && (
        <p>
          <strong>Left out</strong> by {part.by} at approval.
        </p>
      )}
      {part.flip !== undefined && applies(step) && (
        <Keep step={step} at={at} steps={steps} part={part} flip={part.flip} />
      )}
      <Taking step={step} />
      <Conditions step={step} steps={steps} />
      {step.preview.status === "none" && !applies(step) ? null : <Preview preview={step.preview} hosts={step.hosts} />}
      <Details step={step} steps={steps} />
    </li>
  );
}

/** Whether it runs with the others, or is left out. */
function Keep({
  step,
  at,
  steps,
  part,
  flip,
}: {
  step: Step;
  at: number;
  steps: Step[];
  part: Part;
  flip: (id: string) => void;
}) {
  const lacks = part.lacks(step);
  return (
    <label className="change-keep">
      <input
        type="checkbox"
        checked={!part.out.has(step.id)}
        disabled={lacks !== undefined}
        onChange={() => flip(step.id)}
      />
      <span>
        Run step {at + 1}
        {lacks !== undefined && (
          <span className="faint"> (it needs step {steps.indexOf(lacks) + 1}, which is left out)</span>
        )}
      </span>
    </label>
  );
}

function order(step: Step, steps: Step[]): string {
  if (step.after.length === 0) return "waits for no other step";
  const numbers = step.after.map((id) => {
    const at = steps.findIndex((other) => other.id === id);
    return at < 0 ? id : String(at + 1);
  });
  return `after ${numbers.length === 1 ? "step" : "steps"} ${named(numbers, 8)}`;
}

/** Whether it can be taken back, which is read before anybody decides. */
function Taking({ step }: { step: Step }) {
  const undo = undoOf(step);
  if (step.irreversible !== undefined) {
    return (
      <p className="change-irreversible">
        <strong>Can’t be undone.</strong> {step.irreversible}
      </p>
    );
  }
  if (undo === undefined) return null;
  return (
    <p className="faint">
      Can be undone by <code>{undo}</code>
    </p>
  );
}

const AFTER_FAILURE: Record<string, string> = {
  abort: "If it fails, the steps after it are skipped and the run fails.",
  continue: "If it fails, the steps after it go on, and the run does not fail for it.",
  skip: "If it fails, the steps after it are skipped, and the run does not fail for it.",
};

function Conditions({ step, steps }: { step: Step; steps: Step[] }) {
  const lines: string[] = [];
  if (step.when !== undefined) lines.push(`Runs only where ${reference(step.when, steps)} says so.`);
  if (step.onFailure !== undefined)
    lines.push(AFTER_FAILURE[step.onFailure] ?? `If it fails: ${words(step.onFailure)}.`);
  if (step.retry !== undefined) lines.push(retrying(step.retry));
  if (step.repeatable !== undefined && step.repeatable !== "yes" && applies(step))
    lines.push(`Repeatable: ${words(step.repeatable)}. It is not tried again by itself when it is cut off.`);
  return lines.map((line) => (
    <p key={line} className="faint">
      {line}
    </p>
  ));
}

function retrying(retry: Record<string, unknown>): string {
  const most = number(retry.max_attempts);
  const kinds = texts(retry.on);
  const what = kinds.length === 0 ? "fails" : `fails (${kinds.map(words).join(", ")} failures)`;
  return most === undefined ? `Tried again where it ${what}.` : `Tried up to ${most} times where it ${what}.`;
}

const OUTPUT = /\$\{steps\.([^.}]+)\.outputs\.([^}]+)\}/g;

/** `${steps.discover.outputs.portals}` as people say it. */
function reference(value: unknown, steps: Step[]): string {
  const written = typeof value === "string" ? value : JSON.stringify(value);
  return written.replace(OUTPUT, (_, id: string, name: string) => {
    const at = steps.findIndex((step) => step.id === id);
    return at < 0 ? `${name} of ${id}` : `${name} of step ${at + 1}`;
  });
}

function Details({ step, steps }: { step: Step; steps: Step[] }) {
  const references = Object.entries(step.references);
  return (
    <>
      {Object.keys(step.parameters).length > 0 && (
        <details className="change-details" open={applies(step)}>
          <summary>Parameters</summary>
          <Values of={step.parameters} />
          {references.map(([name, value]) => (
            <p key={name} className="faint">
              <code>{name}</code> was filled from {reference(value, steps)}.
            </p>
          ))}
        </details>
      )}
      {step.found !== undefined && (
        <details className="change-details" open>
          <summary>Found, and frozen into this plan</summary>
          <Values of={step.found} />
        </details>
      )}
      <RunsWith step={step} />
    </>
  );
}

function RunsWith({ step }: { step: Step }) {
  const versions = Object.entries(fields(step.runsWith));
  if (versions.length === 0 && step.ownCode.length === 0) return null;
  return (
    <details className="change-details">
      <summary>What runs it</summary>
      {versions.length > 0 && <Values of={step.runsWith} />}
      {step.ownCode.length > 0 && (
        <p className="faint">
          Brings code of its own, which the plan’s hash binds:{" "}
          <code className="change-code">{step.ownCode.join(", ")}</code>
        </p>
      )}
    </details>
  );
}
