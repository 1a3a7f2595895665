-- What ran for real in a dry run is told as done, wherever it is asked what was changed.

ALTER TABLE host_results ADD COLUMN made text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN host_results.made IS 'Of a dry run: the names of the tasks that ran for real all the same and changed something.';

CREATE OR REPLACE VIEW changes_by_host AS
SELECT h.host, t.finished_at, t.title, t.action, h.changed, t.request_id, t.id AS task_id, t.commit_id, p.name AS requested_by,
       h.status AS host_status, t.status AS task_status, h.changes, t.purpose
FROM tasks t
JOIN requests r ON r.id = t.request_id
JOIN principals p ON p.id = r.principal_id
CROSS JOIN LATERAL (
    SELECT o.host, bool_or(CASE WHEN t.mode = 'check' THEN o.made <> '{}' ELSE o.changed > 0 END) AS changed,
           (array_agg(o.status ORDER BY o.attempt DESC))[1] AS status,
           (SELECT array_agg(DISTINCT c.name)
            FROM host_results n, unnest(CASE WHEN t.mode = 'check' THEN n.made ELSE n.changes END) AS c (name)
            WHERE n.task_id = t.id AND n.host = o.host) AS changes
    FROM host_results o
    WHERE o.task_id = t.id
    GROUP BY o.host
    UNION ALL
    SELECT u.host, t.changed, t.status, NULL
    FROM unnest(t.hosts) AS u (host)
    WHERE t.mode = 'apply' AND t.status = 'completed' AND NOT EXISTS (SELECT FROM host_results o WHERE o.task_id = t.id)
) AS h
WHERE (t.purpose = 'apply' AND t.mode = 'apply' AND t.status = 'completed') OR h.changed;
COMMENT ON VIEW changes_by_host IS 'What was applied to each host, when, and for whom; what an unfinished task changed, and what ran for real in a dry run, is in it, too.';
