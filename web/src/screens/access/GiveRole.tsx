import { Dialog } from "@base-ui/react/dialog";
import { useState } from "react";

import { api, held } from "../../api/client";
import { useDoing } from "../../api/doing";
import { Failure } from "../../parts/Failure";
import { PROGRAM_ROLES, ROLES, type Role } from "./permissions";

interface Whom {
  name: string;
  role: Role;
  program: boolean;
  given: () => void;
}

/** Gives somebody another role everywhere. */
export function GiveRole(whom: Whom) {
  const [open, setOpen] = useState(false);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger className="quiet" aria-label={`Change the role… of ${whom.name}`}>
        Change the role…
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog">
          <Form
            {...whom}
            given={() => {
              setOpen(false);
              whom.given();
            }}
          />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Form({ name, role, program, given }: Whom) {
  const [chosen, setChosen] = useState<Role>(role);
  const give = useDoing({
    mutationFn: () => held(api.PUT("/people/{name}/role", { params: { path: { name } }, body: { role: chosen } })),
    onSuccess: given,
  });
  return (
    <form
      className="access-form"
      onSubmit={(event) => {
        event.preventDefault();
        give.mutate();
      }}
    >
      <Dialog.Title>What {name} may everywhere</Dialog.Title>
      <Roles of={chosen} program={program} choose={setChosen} />
      {give.error !== null && <Failure error={give.error} />}
      <div className="actions">
        <button type="submit" className="primary" disabled={give.isPending || chosen === role}>
          {give.isPending ? "Changing it…" : chosen === role ? `${name} is ${role}` : `Make ${name} ${chosen}`}
        </button>
        <Dialog.Close className="button">Leave it</Dialog.Close>
      </div>
    </form>
  );
}

/** One of the roles, each with what it lets one do. */
export function Roles({
  of,
  program,
  only = () => true,
  choose,
}: {
  of: Role;
  program: boolean;
  only?: (role: Role) => boolean;
  choose: (role: Role) => void;
}) {
  const roles = ROLES.filter(({ name }) => (!program || PROGRAM_ROLES.includes(name)) && only(name));
  return (
    <fieldset className="access-roles">
      <legend>Role</legend>
      {roles.map(({ name, may }) => (
        <label key={name}>
          <input type="radio" name="role" checked={of === name} onChange={() => choose(name)} />
          <span>
            {name} <span className="faint access-hint">may {may}</span>
          </span>
        </label>
      ))}
      <p className="faint">Each may also do what those above it may.</p>
    </fieldset>
  );
}
