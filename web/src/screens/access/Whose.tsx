import { Roles } from "./GiveRole";
import { PROGRAM_ROLES, type Role } from "./permissions";

export interface Owner {
  name: string;
  role: Role;
  program: boolean;
  label: string;
}

export const NOBODY: Owner = { name: "", role: "requester", program: false, label: "" };

/** The fields that say whose a token or a key is. */
export function Whose({ owner, change }: { owner: Owner; change: (owner: Owner) => void }) {
  return (
    <>
      <label>
        Whose it is
        <input
          value={owner.name}
          onChange={(event) => change({ ...owner, name: event.target.value })}
          pattern="[A-Za-z0-9._@\-]{1,64}"
          title="1 to 64 letters, digits, dots, dashes, underscores or @"
          placeholder="ann"
          autoComplete="off"
          required
        />
        <span className="faint access-hint">Somebody new is made with the first token or key.</span>
      </label>
      <fieldset className="access-kind">
        <legend>Used by</legend>
        <label>
          <input
            type="radio"
            name="kind"
            checked={!owner.program}
            onChange={() => change({ ...owner, program: false })}
          />
          a person
        </label>
        <label>
          <input
            type="radio"
            name="kind"
            checked={owner.program}
            onChange={() =>
              change({ ...owner, program: true, role: PROGRAM_ROLES.includes(owner.role) ? owner.role : "requester" })
            }
          />
          a program, which never approves
        </label>
      </fieldset>
      <Roles of={owner.role} program={owner.program} choose={(role) => change({ ...owner, role })} />
      <label>
        What it is for
        <input
          value={owner.label}
          onChange={(event) => change({ ...owner, label: event.target.value })}
          placeholder="ann’s laptop"
          autoComplete="off"
        />
      </label>
    </>
  );
}
