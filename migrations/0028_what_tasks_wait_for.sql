-- What a task waits for has a key, by which it is kept out of the dispatcher's look until that may have changed.

ALTER TABLE tasks ADD COLUMN wait_key text COLLATE "C", ADD COLUMN is_explained boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN tasks.wait_key IS 'What keeps it from being offered, such as host:nas: tasks with one key wait for the same thing; look while the dispatcher has still to look at it; null once it has ended.';
COMMENT ON COLUMN tasks.is_explained IS 'Whether people were told what it waits for.';
-- Not for the rows that are there: those that have ended keep null, so that few are taken to be looked at.
ALTER TABLE tasks ALTER COLUMN wait_key SET DEFAULT 'look';
UPDATE tasks
SET wait_key = CASE
    WHEN status = 'pending' AND EXISTS (
        SELECT
        FROM unnest(tasks.depends_on) AS needed (step_id)
        WHERE NOT EXISTS (
            SELECT
            FROM tasks o
            WHERE o.plan_id = tasks.plan_id AND o.purpose = tasks.purpose AND o.step_id = needed.step_id AND o.status = 'completed'
        )
    ) THEN 'steps'
    ELSE 'look'
END
WHERE finished_at IS NULL;

-- Of those that wait for one thing, the first; and those that the dispatcher has to look at.
CREATE INDEX tasks_by_wait_key ON tasks (wait_key, priority DESC, created_at, id)
WHERE status IN ('pending', 'waiting') AND finished_at IS NULL;
-- Those that wait for a time, by that time.
CREATE INDEX tasks_by_time ON tasks (COALESCE(resend_at, '-infinity'))
WHERE status IN ('pending', 'waiting') AND finished_at IS NULL AND wait_key = 'time';
-- Those whose reason nobody has been told yet.
CREATE INDEX tasks_to_explain ON tasks (priority DESC, created_at, id)
WHERE status IN ('pending', 'waiting') AND finished_at IS NULL AND NOT is_explained;
-- Those that an agent has declined, found when it comes back.
CREATE INDEX tasks_declined ON tasks USING gin (excluded_agents) WHERE status = 'waiting' AND excluded_agents <> '{}';

CREATE VIEW placeable_tasks AS
SELECT t.id, t.priority, t.created_at, t.resend_at, t.wait_key, t.is_explained
FROM tasks t
WHERE t.status IN ('pending', 'waiting') AND t.finished_at IS NULL
-- As values, not as joins: so that PostgreSQL begins with the few tasks that are asked for, never with all open requests.
AND (
    SELECT r.plan_id = t.plan_id AND r.finished_at IS NULL AND r.status <> 'paused' AND r.held_at IS NULL
    FROM requests r
    WHERE r.id = t.request_id
)
AND (t.purpose <> 'apply' OR (SELECT p.state = 'approved' FROM plans p WHERE p.id = t.plan_id))
AND NOT EXISTS (
    SELECT
    FROM unnest(t.depends_on) AS needed (step_id)
    WHERE NOT EXISTS (
        SELECT
        FROM tasks o
        WHERE o.plan_id = t.plan_id AND o.purpose = t.purpose AND o.step_id = needed.step_id AND o.status = 'completed'
    )
);
COMMENT ON VIEW placeable_tasks IS 'Tasks that an agent could have now, for all that their requests, plans and the steps before them say. Work that changes things goes only by an approved plan.';
