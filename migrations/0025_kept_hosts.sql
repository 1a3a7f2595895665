-- A host stays reserved where something of a stopped run may still run on it, until a person says that nothing does.

ALTER TABLE host_locks ADD COLUMN kept_at timestamptz;
ALTER TABLE host_locks ADD COLUMN kept_for text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN host_locks.kept_at IS 'Since when the host is kept although the attempt has ended; null while the attempt itself owns it.';
COMMENT ON COLUMN host_locks.kept_for IS 'What may still run there, by its agent.';
