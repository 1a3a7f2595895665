import { Dialog } from "@base-ui/react/dialog";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { useDoing } from "../../api/doing";
import { api, held, type Schemas } from "../../api/client";
import { Command } from "../../parts/Copy";
import { Failure } from "../../parts/Failure";
import { Time } from "../../parts/Time";
import { Confirm } from "../../parts/Confirm";
import { Answer, Section } from "../../parts/Section";
import { Stacked } from "../../parts/Stacked";
import { NOBODY, Whose, type Owner } from "./Whose";

type Key = Schemas["ListedKey"];

const KEY = ["keys"];

export function Keys() {
  const client = useQueryClient();
  const list = useQuery({ queryKey: KEY, queryFn: () => held(api.GET("/keys")) });
  const look = () => void client.invalidateQueries({ queryKey: KEY });
  return (
    <Section
      title="Keys"
      about="What asks over the message bus instead of HTTP signs with a key. Chiffon keeps the public half."
      act={list.data !== undefined && <TrustKey trusted={look} />}
    >
      <Answer of={list} what="keys">
        {({ items }) =>
          items.length === 0 ? (
            <div className="section-none">
              <p>No key is trusted: nobody asks over the message bus. To begin, make one where the program runs:</p>
              <Command text="chiffon key new my-program.key" />
            </div>
          ) : (
            <Stacked name="Keys" columns={["Whose", "Role", "What for", "Key", "Trusted", ""]}>
              {items.map((key) => (
                <Row key={key.key_id} of={key} changed={look} />
              ))}
            </Stacked>
          )
        }
      </Answer>
    </Section>
  );
}

function Row({ of, changed }: { of: Key; changed: () => void }) {
  const revoked = typeof of.revoked_at === "string" ? of.revoked_at : undefined;
  return (
    <tr className={revoked === undefined ? "" : "over"}>
      <th scope="row">
        {of.name} <span className="faint">{of.kind}</span>
      </th>
      <td data-label="Role">{of.role}</td>
      <td data-label="What for">{of.label === "" ? <span className="faint">not said</span> : of.label}</td>
      <td data-label="Key">
        <code title={of.public_key}>{of.key_id}</code>
      </td>
      <td data-label="Trusted">
        <span>
          <Time at={of.created_at} />
          {revoked !== undefined && (
            <>
              , taken back <Time at={revoked} />
            </>
          )}
        </span>
      </td>
      <td className="stacked-act">
        {revoked === undefined && (
          <Confirm
            trigger="Take back"
            label={`Take back ${of.name}’s key ${of.key_id}`}
            effect={`Take back ${of.name}’s key ${of.key_id}`}
            doing="Taking it back"
            act={() => held(api.DELETE("/keys/{id}", { params: { path: { id: of.key_id } } }))}
            onDone={changed}
          >
            <p>
              What it signs counts no more: requests that {of.name} puts onto the bus with it become dead letters. What
              was asked for before goes on.
            </p>
          </Confirm>
        )}
      </td>
    </tr>
  );
}

function TrustKey({ trusted }: { trusted: () => void }) {
  const [open, setOpen] = useState(false);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger>Trust a key…</Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog">
          <Form
            done={() => {
              setOpen(false);
              trusted();
            }}
          />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Form({ done }: { done: () => void }) {
  const [owner, setOwner] = useState<Owner>({ ...NOBODY, program: true });
  const [publicKey, setPublicKey] = useState("");
  const trust = useDoing({
    mutationFn: () => held(api.POST("/keys", { body: { ...owner, public_key: publicKey.trim() } })),
    onSuccess: done,
  });
  return (
    <form
      className="access-form"
      onSubmit={(event) => {
        event.preventDefault();
        trust.mutate();
      }}
    >
      <Dialog.Title>Trust a key</Dialog.Title>
      <label>
        Public key
        <input
          value={publicKey}
          onChange={(event) => setPublicKey(event.target.value)}
          placeholder="ed25519:…"
          autoComplete="off"
          spellCheck={false}
          required
        />
        <span className="faint access-hint">
          As <code>chiffon key new</code> and <code>chiffon key show</code> print it.
        </span>
      </label>
      <Whose owner={owner} change={setOwner} />
      {trust.error !== null && <Failure error={trust.error} />}
      <div className="actions">
        <button type="submit" className="primary" disabled={trust.isPending}>
          {trust.isPending ? "Trusting it…" : `Trust it as ${owner.name.trim() === "" ? "…" : owner.name.trim()}’s`}
        </button>
        <Dialog.Close className="button">Leave it</Dialog.Close>
      </div>
    </form>
  );
}
