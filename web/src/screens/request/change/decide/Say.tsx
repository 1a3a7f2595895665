import { Dialog } from "@base-ui/react/dialog";
import type { ReactNode } from "react";

import { useDraft } from "../../../../parts/draft";
import { Trouble } from "./Trouble";

import "./decide.css";

/** A dialog for words that go with what is done: a reason, or what should change. */
export function Say({
  name,
  title,
  label,
  placeholder,
  act,
  back,
  danger = false,
  optional = false,
  busy,
  error,
  close,
  say,
  children,
}: {
  /** Under which the words are kept while they are not sent. */
  name: string;
  title: string;
  label: string;
  placeholder?: string;
  act: string;
  back: string;
  danger?: boolean;
  optional?: boolean;
  busy: boolean;
  error: unknown;
  close: () => void;
  say: (text: string) => void;
  children?: ReactNode;
}) {
  const [text, setText] = useDraft(name);
  const ready = (optional || text.trim() !== "") && !busy;
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog">
          <Dialog.Title>{title}</Dialog.Title>
          {children}
          <form
            className="decide-form"
            onSubmit={(event) => {
              event.preventDefault();
              if (ready) say(text.trim());
            }}
          >
            <label>
              {label}
              <textarea
                rows={3}
                value={text}
                placeholder={placeholder}
                onChange={(event) => setText(event.target.value)}
                onKeyDown={(event) => {
                  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
                  event.preventDefault();
                  event.currentTarget.form?.requestSubmit();
                }}
              />
            </label>
            {error !== null && error !== undefined && <Trouble error={error} />}
            <div className="actions">
              <button type="submit" className={danger ? "danger" : "primary"} disabled={!ready}>
                {act}
              </button>
              <Dialog.Close className="button">{back}</Dialog.Close>
              <span className="faint">
                <kbd>Ctrl</kbd> <kbd>Enter</kbd> sends
              </span>
            </div>
          </form>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
