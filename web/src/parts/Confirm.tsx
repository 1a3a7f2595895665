import { AlertDialog } from "@base-ui/react/alert-dialog";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import { useDoing } from "../api/doing";
import { newKey } from "../api/client";
import { Failure } from "./Failure";
import "./Section.css";

interface Asked {
  /** What is done, as a verb with its effect. */
  effect: string;
  /** The same while it is done. */
  doing: string;
  /** What it does, and what is lost. */
  children: ReactNode;
  act: (key: string, reason: string) => Promise<unknown>;
  /** Asks for a reason under this label. */
  reason?: string;
  /** Whether it can't be done without a reason. */
  needed?: boolean;
  /** The question, where it is another than whether to do it. */
  title?: string;
  danger?: boolean;
}

/** A button that asks before it acts. What it is about to do is said there, and on the button that does it. */
export function Confirm({
  trigger,
  label,
  quiet = true,
  onDone,
  ...asked
}: Asked & { trigger: string; label?: string; quiet?: boolean; onDone?: (answer: unknown) => void }) {
  const [open, setOpen] = useState(false);
  return (
    <AlertDialog.Root open={open} onOpenChange={setOpen}>
      <AlertDialog.Trigger className={quiet ? "quiet" : ""} aria-label={label}>
        {trigger}
      </AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="backdrop" />
        <AlertDialog.Popup className="dialog">
          <Question
            {...asked}
            done={(answer) => {
              setOpen(false);
              onDone?.(answer);
            }}
          />
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

function Question({
  effect,
  doing,
  children,
  act,
  reason,
  needed = false,
  title,
  danger = true,
  done,
}: Asked & { done: (answer: unknown) => void }) {
  // Of this one opening: asked twice, it is done once.
  const [key] = useState(newKey);
  const [why, setWhy] = useState("");
  const client = useQueryClient();
  const doIt = useDoing({
    mutationFn: () => act(key, why.trim()),
    onSuccess: done,
    onSettled: () => client.invalidateQueries(),
  });
  return (
    <form
      className="confirm"
      onSubmit={(event) => {
        event.preventDefault();
        doIt.mutate();
      }}
    >
      <AlertDialog.Title>{title ?? `${effect}?`}</AlertDialog.Title>
      <AlertDialog.Description render={<div className="confirm-text" />}>{children}</AlertDialog.Description>
      {reason !== undefined && (
        <label>
          {reason}
          <input value={why} onChange={(event) => setWhy(event.target.value)} autoComplete="off" required={needed} />
        </label>
      )}
      {doIt.error !== null && <Failure error={doIt.error} />}
      <div className="actions">
        <button type="submit" className={danger ? "danger" : "primary"} disabled={doIt.isPending}>
          {doIt.isPending ? `${doing}…` : effect}
        </button>
        <AlertDialog.Close className="button">Leave it</AlertDialog.Close>
      </div>
    </form>
  );
}
