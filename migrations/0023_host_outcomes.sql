-- What a task came to on each host over all of its attempts, for everybody who shows it.

CREATE VIEW host_outcomes AS
SELECT h.task_id, h.host, (array_agg(h.status ORDER BY h.attempt DESC))[1] AS status,
       bool_or(CASE WHEN t.mode = 'check' THEN h.made <> '{}' ELSE h.changed > 0 END) AS changed,
       COALESCE((SELECT array_agg(DISTINCT c.name)
           FROM host_results n, unnest(CASE WHEN t.mode = 'check' THEN n.made ELSE n.changes END) AS c (name)
           WHERE n.task_id = h.task_id AND n.host = h.host), '{}') AS changes,
       (array_agg(h.message ORDER BY h.attempt DESC))[1] AS message
FROM host_results h
JOIN tasks t ON t.id = h.task_id
GROUP BY h.task_id, h.host, t.mode;
COMMENT ON VIEW host_outcomes IS 'What a task came to on each host: the newest attempt''s end, and what any attempt changed; of a dry run, what ran for real.';
