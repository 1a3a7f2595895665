-- Whether all steps before a task are over is said once: whoever looks for what can go asks this view, and so does whoever wakes what waited.

CREATE VIEW tasks_behind_their_steps AS
SELECT t.id
FROM tasks t
WHERE NOT EXISTS (
    SELECT
    FROM unnest(t.depends_on) AS needed (step_id)
    WHERE NOT EXISTS (
        SELECT
        FROM tasks o
        WHERE o.plan_id = t.plan_id AND o.purpose = t.purpose AND o.step_id = needed.step_id
        AND (o.status = 'completed' OR o.consequence = 'continue')
    )
    OR EXISTS (
        SELECT
        FROM tasks o
        WHERE o.plan_id = t.plan_id AND o.purpose = t.purpose AND o.iteration > 0 AND split_part(o.step_id, '.', 1) = needed.step_id
        AND o.status <> 'completed' AND o.consequence IS DISTINCT FROM 'continue'
    )
);
COMMENT ON VIEW tasks_behind_their_steps IS 'Tasks for which all steps before are over, whatever else they wait for.';

CREATE OR REPLACE VIEW ready_tasks AS
SELECT t.id, t.priority, t.created_at, t.resend_at, t.wait_key, t.is_explained, t.status, t.finished_at, t.asks
FROM tasks t
WHERE t.status IN ('pending', 'waiting') AND t.finished_at IS NULL
-- As values, not as joins: so that PostgreSQL begins with the few tasks that are asked for, never with all open requests.
AND (
    SELECT r.plan_id = t.plan_id AND r.finished_at IS NULL AND r.status <> 'paused' AND r.held_at IS NULL
    FROM requests r
    WHERE r.id = t.request_id
)
AND (t.purpose <> 'apply' OR (SELECT p.state = 'approved' FROM plans p WHERE p.id = t.plan_id))
AND (SELECT true FROM tasks_behind_their_steps b WHERE b.id = t.id);
