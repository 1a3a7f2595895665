import { ROLES, type Role } from "./permissions";

/** What somebody may do who is new here. */
export function NewRole({ role, choose }: { role: Role | undefined; choose: (role: Role) => void }) {
  return (
    <label>
      Who is new here, as
      <select value={role ?? ""} onChange={(event) => choose(event.target.value as Role)} required>
        <option value="" disabled>
          choose
        </option>
        {ROLES.map((one) => (
          <option key={one.name} value={one.name}>
            {one.name}: may {one.may}
          </option>
        ))}
      </select>
    </label>
  );
}
