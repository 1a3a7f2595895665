-- What is asked often must not cost more with every run that ever was.

CREATE TABLE action_durations (
    action text PRIMARY KEY,
    runs double precision NOT NULL,
    seconds double precision NOT NULL
);
COMMENT ON TABLE action_durations IS 'How long each action takes, kept as its runs end: plans estimate by it. About the last 200 runs count.';
COMMENT ON COLUMN action_durations.action IS 'The action.';
COMMENT ON COLUMN action_durations.runs IS 'So many runs are in it; older ones weigh less and less.';
COMMENT ON COLUMN action_durations.seconds IS 'What these took together.';

CREATE TABLE action_durations_until (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    finished_at timestamptz NOT NULL
);
COMMENT ON TABLE action_durations_until IS 'How far action_durations has come: one row.';
COMMENT ON COLUMN action_durations_until.id IS 'True.';
COMMENT ON COLUMN action_durations_until.finished_at IS 'Runs that ended up to then are in it.';

INSERT INTO action_durations (action, runs, seconds)
SELECT t.action, LEAST(count(*), 200), avg(a.duration_seconds) * LEAST(count(*), 200)
FROM task_attempts a
JOIN tasks t ON t.id = a.task_id
WHERE a.outcome = 'succeeded' AND t.mode = 'apply' AND a.duration_seconds IS NOT NULL AND a.finished_at > now() - interval '90 days'
GROUP BY t.action;
INSERT INTO action_durations_until (finished_at)
SELECT COALESCE(max(finished_at), 'epoch')
FROM task_attempts
WHERE outcome = 'succeeded';

CREATE INDEX attempts_succeeded ON task_attempts (finished_at) WHERE outcome = 'succeeded';
-- What an agent has, when it says hello or is shown.
CREATE INDEX attempts_open_of_agent ON task_attempts (agent_id) WHERE finished_at IS NULL;
-- What a retried task would have recorded is dropped.
CREATE INDEX git_outbox_by_task ON git_outbox (task_id) WHERE commit_id IS NULL;
-- Keys are let go after a day.
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
