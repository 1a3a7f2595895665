SELECT t.action, count(*) AS runs,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.started_at - l.approved_at))::numeric, 1) AS median_seconds,
    round(percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM t.started_at - l.approved_at))::numeric, 1) AS p95_seconds,
    round(max(extract(epoch FROM t.started_at - l.approved_at))::numeric, 1) AS longest_seconds
FROM tasks t
JOIN plans l ON l.id = t.plan_id
WHERE t.purpose = 'apply' AND t.status <> 'skipped' AND cardinality(t.depends_on) = 0 AND t.started_at >= l.approved_at
AND t.finished_at >= $1 AND t.finished_at < $2
GROUP BY t.action
ORDER BY p95_seconds DESC, t.action
