-- What people decide about a request that is under way: whether it is held, which outlasts its other states.

ALTER TABLE requests ADD COLUMN held_at timestamptz;
ALTER TABLE requests ADD COLUMN held_by text;
COMMENT ON COLUMN requests.held_at IS 'Since when nothing more of it begins: it is paused, or will be when nothing of it needs a person any more. Null when it may go on.';
COMMENT ON COLUMN requests.held_by IS 'Who paused it: the principal''s name, or chiffon after a restore.';

-- Unknown attempts whose longest run time is over are looked for all the time.
CREATE INDEX tasks_unknown ON tasks (id) WHERE status = 'unknown';

UPDATE requests SET held_at = now(), held_by = 'chiffon' WHERE finished_at IS NULL AND status = 'paused';
