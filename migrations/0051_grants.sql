-- Roles that were given for a part: some hosts, some actions, up to a risk. The role that a principal has everywhere stays where it is.

CREATE TABLE grants (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principals (id),
    role text NOT NULL CHECK (role IN ('viewer', 'requester', 'operator', 'approver', 'admin')),
    host text,
    action text,
    risk text CHECK (risk IN ('read_only', 'low', 'medium', 'high', 'destructive')),
    given_by text NOT NULL,
    given_at timestamptz NOT NULL,
    CHECK (num_nonnulls(host, action, risk) > 0)
);
COMMENT ON TABLE grants IS 'Roles that principals have for a part, beside the role that they have everywhere (principals.role). Several add up. An orchestrator that does not know them lets their holders do less.';
COMMENT ON COLUMN grants.id IS 'Time-ordered id.';
COMMENT ON COLUMN grants.principal_id IS 'Whose it is.';
COMMENT ON COLUMN grants.role IS 'What they may do within it.';
COMMENT ON COLUMN grants.host IS 'Only this host, or hosts of this group of the inventory; null for all.';
COMMENT ON COLUMN grants.action IS 'Only this action, or with a * at its end those that begin so; null for all.';
COMMENT ON COLUMN grants.risk IS 'Nothing of greater risk; null for any.';
COMMENT ON COLUMN grants.given_by IS 'Who has given it: a principal''s name.';
COMMENT ON COLUMN grants.given_at IS 'When.';
CREATE INDEX grants_principal ON grants (principal_id, id);

CREATE FUNCTION grants_of(whose uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_agg(jsonb_build_object('id', g.id, 'role', g.role, 'host', g.host, 'action', g.action, 'risk', g.risk) ORDER BY g.id)
    FROM grants g
    WHERE g.principal_id = whose
$$;
COMMENT ON FUNCTION grants_of IS 'What a principal was given for a part, as one value, so that whoever reads a principal reads it in the same statement; null for nothing.';
