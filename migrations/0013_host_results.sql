-- What an attempt came to on each host: a task of many hosts is not all or nothing.

CREATE TABLE host_results (
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    attempt int NOT NULL,
    host text NOT NULL,
    status text NOT NULL,
    ok bigint NOT NULL,
    changed bigint NOT NULL,
    skipped bigint NOT NULL,
    failed bigint NOT NULL,
    rescued bigint NOT NULL,
    ignored bigint NOT NULL,
    changes text[] NOT NULL,
    message text,
    from_log boolean NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (task_id, attempt, host)
);
COMMENT ON TABLE host_results IS 'What an attempt came to on each host.';
COMMENT ON COLUMN host_results.task_id IS 'The task.';
COMMENT ON COLUMN host_results.attempt IS 'The attempt: what an earlier one changed stays told.';
COMMENT ON COLUMN host_results.host IS 'The host, as the inventory names it.';
COMMENT ON COLUMN host_results.status IS 'completed, failed, unreachable, not_begun, or unfinished (cut off or stopped under it).';
COMMENT ON COLUMN host_results.ok IS 'Tasks of the play that succeeded, those that changed something among them.';
COMMENT ON COLUMN host_results.changed IS 'Tasks of the play that changed something; in a dry run: would.';
COMMENT ON COLUMN host_results.skipped IS 'Tasks of the play that were skipped.';
COMMENT ON COLUMN host_results.failed IS 'Tasks of the play that failed and counted.';
COMMENT ON COLUMN host_results.rescued IS 'Failures that a rescue took care of.';
COMMENT ON COLUMN host_results.ignored IS 'Failures that the play ignores.';
COMMENT ON COLUMN host_results.changes IS 'The names of the tasks that changed something, in order, at most 100.';
COMMENT ON COLUMN host_results.message IS 'The last failure''s words, or why it was not reached.';
COMMENT ON COLUMN host_results.from_log IS 'Whether this was read from the log, because nobody reported a result by host.';
COMMENT ON COLUMN host_results.recorded_at IS 'When it was stored.';

-- Tasks of before have no rows, and are told as before: by the whole task, where it was completed.
CREATE OR REPLACE VIEW changes_by_host AS
SELECT h.host, t.finished_at, t.title, t.action, h.changed, t.request_id, t.id AS task_id, t.commit_id, p.name AS requested_by,
       h.status AS host_status, t.status AS task_status, h.changes
FROM tasks t
JOIN requests r ON r.id = t.request_id
JOIN principals p ON p.id = r.principal_id
CROSS JOIN LATERAL (
    SELECT o.host, bool_or(o.changed > 0) AS changed, (array_agg(o.status ORDER BY o.attempt DESC))[1] AS status,
           (SELECT array_agg(DISTINCT c.name) FROM host_results n, unnest(n.changes) AS c (name) WHERE n.task_id = t.id AND n.host = o.host) AS changes
    FROM host_results o
    WHERE o.task_id = t.id
    GROUP BY o.host
    UNION ALL
    SELECT u.host, t.changed, t.status, NULL
    FROM unnest(t.hosts) AS u (host)
    WHERE t.status = 'completed' AND NOT EXISTS (SELECT FROM host_results o WHERE o.task_id = t.id)
) AS h
WHERE t.purpose = 'apply' AND t.mode = 'apply' AND (t.status = 'completed' OR h.changed);
COMMENT ON VIEW changes_by_host IS 'What was applied to each host, when, and for whom; what an unfinished task changed is in it, too.';
