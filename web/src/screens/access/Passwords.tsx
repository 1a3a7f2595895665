import { Dialog } from "@base-ui/react/dialog";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import { api, held } from "../../api/client";
import { useDoing } from "../../api/doing";
import { Problem } from "../../api/problem";
import { whoami } from "../../api/queries";
import { Failure } from "../../parts/Failure";
import { Answer, Section } from "../../parts/Section";
import { Time } from "../../parts/Time";
import { NewRole } from "./NewRole";
import type { Role } from "./permissions";

const KEY = ["password"];

/** One's own password, and setting one for somebody else. */
export function Passwords() {
  const client = useQueryClient();
  const me = useQuery(whoami).data;
  const own = useQuery({ queryKey: KEY, queryFn: () => held(api.GET("/password")) });
  const look = () => void client.invalidateQueries();
  if (me === undefined || !me.permissions.includes("sessions.own")) return null;
  return (
    <Section
      title="Password"
      about="One way to sign in; a link of `chiffon login` and a token are others. It is kept as a hash only."
      act={
        me.permissions.includes("tokens.manage") && (
          <Asking trigger="Set somebody’s password…">{(done) => <ForOther done={done} />}</Asking>
        )
      }
    >
      <Answer of={own} what="your password">
        {({ password }) => (
          <div className="row">
            {password == null ? (
              <p>You have none.</p>
            ) : (
              <p>
                You have one, set <Time at={password.set_at} />.
              </p>
            )}
            <Asking trigger={password == null ? "Choose a password…" : "Change your password…"}>
              {(done) => (
                <Own
                  name={me.name}
                  has={password != null}
                  done={() => {
                    done();
                    look();
                  }}
                />
              )}
            </Asking>
            {password != null && (
              <p className="faint">
                <code>chiffon password --remove</code> takes it away, at a terminal with your token.
              </p>
            )}
          </div>
        )}
      </Answer>
    </Section>
  );
}

function Asking({ trigger, children }: { trigger: string; children: (done: () => void) => ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger>{trigger}</Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog">{children(() => setOpen(false))}</Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Field({
  label,
  value,
  change,
  kind,
}: {
  label: string;
  value: string;
  change: (value: string) => void;
  kind: "current-password" | "new-password";
}) {
  return (
    <label>
      {label}
      <input
        type="password"
        value={value}
        onChange={(event) => change(event.target.value)}
        autoComplete={kind}
        minLength={kind === "new-password" ? 8 : undefined}
        maxLength={1024}
        required
      />
      {kind === "new-password" && (
        <span className="faint access-hint">At least 8 characters; some words in a row do well.</span>
      )}
    </label>
  );
}

function Own({ name, has, done }: { name: string; has: boolean; done: () => void }) {
  const [present, setPresent] = useState("");
  const [password, setPassword] = useState("");
  const set = useDoing({
    mutationFn: () => held(api.PUT("/password", { body: has ? { present, password } : { password } })),
    onSuccess: done,
  });
  return (
    <form
      className="access-form"
      onSubmit={(event) => {
        event.preventDefault();
        set.mutate();
      }}
    >
      <Dialog.Title>{has ? "Change your password" : "Choose a password"}</Dialog.Title>
      {/* For password managers, which keep a password under a name. */}
      <input className="visually-hidden" value={name} autoComplete="username" readOnly tabIndex={-1} aria-hidden />
      {has && <Field label="Present password" value={present} change={setPresent} kind="current-password" />}
      <Field label="New password" value={password} change={setPassword} kind="new-password" />
      <p className="faint">You stay signed in here, and are signed out in every other browser.</p>
      {set.error !== null && <Failure error={set.error} />}
      <div className="actions">
        <button type="submit" className="primary" disabled={set.isPending}>
          {set.isPending ? "Changing it…" : has ? "Change it" : "Set it"}
        </button>
        <Dialog.Close className="button">Leave it</Dialog.Close>
      </div>
    </form>
  );
}

function ForOther({ done }: { done: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>();
  const [password, setPassword] = useState("");
  const client = useQueryClient();
  const set = useDoing({
    mutationFn: () =>
      held(
        api.PUT("/people/{name}/password", {
          params: { path: { name: name.trim() } },
          body: role === undefined ? { password } : { password, role },
        }),
      ),
    onSuccess: () => {
      done();
      return client.invalidateQueries();
    },
  });
  const isNew = set.error instanceof Problem && set.error.text("field") === "role";
  return (
    <form
      className="access-form"
      onSubmit={(event) => {
        event.preventDefault();
        set.mutate();
      }}
    >
      <Dialog.Title>Set somebody’s password</Dialog.Title>
      <label>
        For
        <input
          value={name}
          onChange={(event) => {
            setName(event.target.value);
            setRole(undefined);
          }}
          pattern="[A-Za-z0-9._@\-]{1,64}"
          autoComplete="off"
          required
        />
      </label>
      {(isNew || role !== undefined) && <NewRole role={role} choose={setRole} />}
      <Field label="New password" value={password} change={setPassword} kind="new-password" />
      <p className="faint">
        They choose one of their own when they sign in with it. Where they are signed in, they are signed out.
      </p>
      {set.error !== null && <Failure error={set.error} />}
      <div className="actions">
        <button type="submit" className="primary" disabled={set.isPending}>
          {set.isPending ? "Setting it…" : "Set it"}
        </button>
        <Dialog.Close className="button">Leave it</Dialog.Close>
      </div>
    </form>
  );
}
