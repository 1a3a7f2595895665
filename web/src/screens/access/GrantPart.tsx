import { Dialog } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";

import { api, held } from "../../api/client";
import { useDoing } from "../../api/doing";
import { groupsOf, hostsOf } from "../../api/hosts";
import { actions, agents } from "../../api/queries";
import { Failure } from "../../parts/Failure";
import { words } from "../../parts/Status";
import { Roles } from "./GiveRole";
import { reach, RISKS, type Role } from "./permissions";

interface Whom {
  name: string;
  program: boolean;
  given: () => void;
}

/** Gives somebody a role for some hosts, actions and risks. */
export function GrantPart(whom: Whom) {
  const [open, setOpen] = useState(false);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger aria-label={`Give a role for a part… to ${whom.name}`}>Give a role for a part…</Dialog.Trigger>
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

/** Seeing, and looking after Chiffon itself, are held everywhere or not at all. */
function givesForAPart(role: Role): boolean {
  return role !== "viewer" && role !== "admin";
}

function Form({ name, program, given }: Whom) {
  const [role, setRole] = useState<Role>(program ? "requester" : "approver");
  const [host, setHost] = useState("");
  const [action, setAction] = useState("");
  const [risk, setRisk] = useState<(typeof RISKS)[number] | "">("");
  const part = {
    host: host.trim() === "" ? null : host.trim(),
    action: action.trim() === "" ? null : action.trim(),
    risk: risk === "" ? null : risk,
  };
  const isBound = part.host !== null || part.action !== null || part.risk !== null;
  const give = useDoing({
    mutationFn: () => held(api.POST("/people/{name}/grants", { params: { path: { name } }, body: { role, ...part } })),
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
      <Dialog.Title>Give {name} a role for a part</Dialog.Title>
      <Roles of={role} program={program} only={givesForAPart} choose={setRole} />
      <Places host={host} setHost={setHost} />
      <Which action={action} setAction={setAction} />
      <label>
        Up to which risk
        <select value={risk} onChange={(event) => setRisk(event.target.value as typeof risk)}>
          <option value="">any</option>
          {RISKS.map((one) => (
            <option key={one} value={one}>
              {words(one)}
            </option>
          ))}
        </select>
      </label>
      <p className="faint" role="status">
        {isBound
          ? `${name} will be ${role} for ${reach(part)}, beside what they are everywhere. Who may see requests sees all of them.`
          : "Say for which part: a host or group, an action, or a risk. What somebody may everywhere is their role."}
      </p>
      {give.error !== null && <Failure error={give.error} />}
      <div className="actions">
        <button type="submit" className="primary" disabled={give.isPending || !isBound}>
          {give.isPending ? "Giving it…" : `Make ${name} ${role} for that`}
        </button>
        <Dialog.Close className="button">Leave it</Dialog.Close>
      </div>
    </form>
  );
}

function Places({ host, setHost }: { host: string; setHost: (host: string) => void }) {
  const list = useId();
  const known = useQuery(agents).data?.items ?? [];
  const groups = known
    .flatMap(({ hosts }) => groupsOf(hosts).map(([group]) => group))
    .filter((group) => group !== "all");
  const places = Array.from(new Set([...groups, ...hostsOf(known)])).sort();
  return (
    <label>
      On which hosts
      <input
        value={host}
        onChange={(event) => setHost(event.target.value)}
        list={list}
        maxLength={200}
        placeholder="any"
        autoComplete="off"
      />
      <datalist id={list}>
        {places.map((place) => (
          <option key={place} value={place} />
        ))}
      </datalist>
      <span className="faint access-hint">A host, or a group of the inventory with the hosts that it has by then.</span>
    </label>
  );
}

function Which({ action, setAction }: { action: string; setAction: (action: string) => void }) {
  const list = useId();
  const known = (useQuery(actions).data?.items ?? []).map(({ name }) => String(name));
  return (
    <label>
      Which action
      <input
        value={action}
        onChange={(event) => setAction(event.target.value)}
        list={list}
        maxLength={200}
        placeholder="any"
        autoComplete="off"
      />
      <datalist id={list}>
        {known.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <span className="faint access-hint">
        Its name, or <code>deploy_*</code> for all that begin so.
      </span>
    </label>
  );
}
