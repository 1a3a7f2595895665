-- Deadlines on every state that does not end by itself, and what looks whether they are kept.

ALTER TABLE requests ADD COLUMN expiring_at timestamptz;
COMMENT ON COLUMN requests.expiring_at IS 'When its asker''s deadline passed while agents had work of it: it ends as expired once they have stopped.';
COMMENT ON COLUMN requests.deadline_at IS 'When this state ends, or, where a person has to decide, when they are reminded; null where its tasks move it.';
COMMENT ON COLUMN tasks.deadline_at IS 'When an owned attempt must have ended: its time limit and a margin after its claim or start. It stays when the task becomes unknown.';

CREATE INDEX requests_due ON requests (deadline_at) WHERE finished_at IS NULL AND deadline_at IS NOT NULL;
CREATE INDEX requests_wanted_by ON requests (deadline) WHERE finished_at IS NULL AND deadline IS NOT NULL;
CREATE INDEX tasks_due ON tasks (deadline_at) WHERE finished_at IS NULL AND deadline_at IS NOT NULL;
CREATE INDEX llm_calls_reserved ON llm_calls (started_at) WHERE state = 'reserved';

-- What was under way before there were deadlines.
UPDATE tasks SET deadline_at = now() + make_interval(secs => timeout_seconds) + interval '5 minutes'
WHERE finished_at IS NULL AND (status = 'running' OR status = 'dispatched' AND claim_by IS NULL);
UPDATE requests SET deadline_at = now() + interval '7 days' WHERE finished_at IS NULL AND status = 'needs_input';
UPDATE requests SET deadline_at = now() + interval '1 day'
WHERE finished_at IS NULL AND status IN ('planning', 'discovering', 'previewing', 'needs_attention', 'paused');
