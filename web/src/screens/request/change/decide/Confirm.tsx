import { Dialog } from "@base-ui/react/dialog";
import { useState } from "react";

import { Hosts, Risk } from "../../../../parts/Status";
import { hostsOf, type Step } from "../plan/step";
import { wordOf } from "./effect";
import { Trouble } from "./Trouble";

/** What is dangerous begins only when somebody types where. */
export function Confirm({
  steps,
  risk,
  effect,
  busy,
  error,
  close,
  approve,
}: {
  steps: Step[];
  risk: string;
  effect: string;
  busy: boolean;
  error: unknown;
  close: () => void;
  approve: () => void;
}) {
  const hosts = hostsOf(steps);
  const { word, what } = wordOf(hosts);
  const [typed, setTyped] = useState("");
  const fits = typed.trim().toLowerCase() === word.toLowerCase();
  const final = steps.filter(({ irreversible }) => irreversible !== undefined);
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog">
          <Dialog.Title>{effect}?</Dialog.Title>
          <p className="row">
            <Risk of={risk} /> <Hosts names={hosts} />
          </p>
          {final.map((step) => (
            <p key={step.id} className="change-irreversible">
              <strong>{step.title} can’t be undone.</strong> {step.irreversible}
            </p>
          ))}
          <form
            className="decide-form"
            onSubmit={(event) => {
              event.preventDefault();
              if (fits && !busy) approve();
            }}
          >
            <label>
              <span>
                Type <code>{word}</code>, {what}, to go on
              </span>
              <input
                value={typed}
                autoComplete="off"
                autoCapitalize="off"
                spellCheck={false}
                onChange={(event) => setTyped(event.target.value)}
              />
            </label>
            {error !== null && <Trouble error={error} />}
            <div className="actions">
              <button type="submit" className="danger" disabled={!fits || busy}>
                {busy ? "Approving…" : effect}
              </button>
              <Dialog.Close className="button">Back to the plan</Dialog.Close>
            </div>
          </form>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
