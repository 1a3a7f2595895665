import { Dialog } from "@base-ui/react/dialog";
import { useState } from "react";

import { useDoing } from "../../api/doing";
import { api, held, type Schemas } from "../../api/client";
import { Copy } from "../../parts/Copy";
import { Failure } from "../../parts/Failure";
import { Time } from "../../parts/Time";
import { NOBODY, Whose, type Owner } from "./Whose";

type Created = Schemas["CreatedToken"];

/** Makes a token and shows its text, once. */
export function NewToken({ made }: { made: () => void }) {
  const [open, setOpen] = useState(false);
  const [created, setCreated] = useState<Created>();
  const close = () => {
    setOpen(false);
    setCreated(undefined);
  };
  return (
    <Dialog.Root
      open={open}
      // A click beside it must not throw away a text that is shown only once.
      disablePointerDismissal={created !== undefined}
      onOpenChange={(next) => (next ? setOpen(true) : close())}
    >
      <Dialog.Trigger>Make a token…</Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog">
          {created === undefined ? (
            <Form
              created={(token) => {
                setCreated(token);
                made();
              }}
            />
          ) : (
            <Shown token={created} />
          )}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Form({ created }: { created: (token: Created) => void }) {
  const [owner, setOwner] = useState<Owner>(NOBODY);
  const [days, setDays] = useState("90");
  const make = useDoing({
    mutationFn: () =>
      held(
        api.POST("/tokens", {
          body: { ...owner, label: owner.label.trim(), valid_days: days === "" ? null : Number(days) },
        }),
      ),
    onSuccess: created,
  });
  return (
    <form
      className="access-form"
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      <Dialog.Title>Make a token</Dialog.Title>
      <Whose owner={owner} change={setOwner} />
      <label>
        Counts for so many days
        <input
          type="number"
          min={1}
          max={36500}
          value={days}
          onChange={(event) => setDays(event.target.value)}
          placeholder="for ever"
        />
        <span className="faint access-hint">Left empty, it counts for ever.</span>
      </label>
      {make.error !== null && <Failure error={make.error} />}
      <div className="actions">
        <button type="submit" className="primary" disabled={make.isPending}>
          {make.isPending ? "Making it…" : `Make a token for ${owner.name.trim() === "" ? "…" : owner.name.trim()}`}
        </button>
        <Dialog.Close className="button">Leave it</Dialog.Close>
      </div>
    </form>
  );
}

function Shown({ token }: { token: Created }) {
  return (
    <>
      <Dialog.Title>Token for {token.name}</Dialog.Title>
      <p>
        <strong>It is shown now and never again.</strong> Copy it to where it is used before you close this.
      </p>
      <p className="access-token">
        <code>{token.token}</code>
        <Copy text={token.token} label="Copy the token" />
      </p>
      <p className="faint">
        Role {token.role}; {token.program ? "a program’s" : "a person’s"}; counts{" "}
        {typeof token.expires_at === "string" ? (
          <>
            until <Time at={token.expires_at} />
          </>
        ) : (
          "for ever"
        )}
        . A program sends it as <code>Authorization: Bearer …</code>; at a terminal it is <code>CHIFFON_TOKEN</code>.
      </p>
      <div className="actions">
        <Dialog.Close className="button">I have kept it: close</Dialog.Close>
      </div>
    </>
  );
}
