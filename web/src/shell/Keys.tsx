import { Dialog } from "@base-ui/react/dialog";
import { useState } from "react";

import { useShortcut, useShortcuts } from "./shortcuts";

/** `?`: which key does what here. */
export function Keys() {
  const [open, setOpen] = useState(false);
  useShortcut("?", "show all keys", () => setOpen(true));
  const shortcuts = useShortcuts(open);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger className="quiet keys-button">
        <kbd>?</kbd> keys
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog">
          <Dialog.Title>Keys</Dialog.Title>
          <dl className="keys">
            {shortcuts.map(({ keys, does }) => (
              <div key={keys}>
                <dt>
                  {keys.split(" ").map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
          <Dialog.Close className="button">Close</Dialog.Close>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
