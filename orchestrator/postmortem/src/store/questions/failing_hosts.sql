SELECT o.host, count(*) AS runs, count(*) FILTER (WHERE o.status <> 'completed') AS failed,
    round(100.0 * count(*) FILTER (WHERE o.status <> 'completed') / count(*), 1) AS failed_percent,
    count(*) FILTER (WHERE o.status = 'unreachable') AS unreachable,
    max(t.finished_at) FILTER (WHERE o.status <> 'completed') AS last_failed
FROM host_outcomes o
JOIN tasks t ON t.id = o.task_id
WHERE t.purpose = 'apply' AND t.finished_at >= $1 AND t.finished_at < $2
GROUP BY o.host
ORDER BY failed DESC, runs DESC, o.host
