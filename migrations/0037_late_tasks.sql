-- A step may have several tasks, made as its run goes on; and some tasks have questions that whoever ordered them answers.

ALTER TABLE tasks
    ADD COLUMN iteration integer NOT NULL DEFAULT 0 CHECK (iteration >= 0),
    ADD COLUMN asks text[],
    ADD COLUMN consequence text CHECK (consequence IN ('continue', 'skip'));
COMMENT ON COLUMN tasks.iteration IS 'Which of its step''s tasks of this purpose, from 0; tasks beyond the first are made late, while the run is under way.';
COMMENT ON COLUMN tasks.asks IS 'What is asked of the run: when (before it goes out; taken out once it may), on_failure, retry. Null: nothing.';
COMMENT ON COLUMN tasks.consequence IS 'What became of the steps after it, where it ended other than completed and that did not fail the run: continue, they go on; skip, they were skipped. Null: as always.';

-- Those beyond the first have a name of their own in step_id, `step.1`: step ids have no dot. So a task of a plan and a purpose has one
-- name, as the version before takes it.
COMMENT ON COLUMN tasks.step_id IS 'The plan''s step; for a further task of it, the step, a dot, and the iteration.';
CREATE INDEX tasks_late ON tasks (plan_id, purpose, split_part(step_id, '.', 1)) WHERE iteration > 0;

-- Those of which the run has still to be asked whether they go.
CREATE INDEX tasks_to_ask ON tasks (wait_key)
WHERE status = 'pending' AND finished_at IS NULL AND 'when' = ANY (asks);

-- A step before is over once all of its tasks are: completed, or such that what follows goes on.
CREATE VIEW ready_tasks AS
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
AND NOT EXISTS (
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
COMMENT ON VIEW ready_tasks IS 'Tasks for which all before them is over, for all that their requests, plans and the steps before them say. Work that changes things goes only by an approved plan.';

-- The version before looks at these only, so it gives out nothing that may have to be left out.
CREATE OR REPLACE VIEW placeable_tasks AS
SELECT id, priority, created_at, resend_at, wait_key, is_explained
FROM ready_tasks
WHERE asks IS NULL OR NOT 'when' = ANY (asks);
COMMENT ON VIEW placeable_tasks IS 'Tasks that an agent could have now: ready, and the run has said that they go where it has to be asked.';
