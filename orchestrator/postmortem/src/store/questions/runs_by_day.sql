SELECT to_char(date_trunc('day', finished_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD') AS day, count(*) AS runs,
    count(*) FILTER (WHERE status <> 'completed') AS failed, count(*) FILTER (WHERE changed) AS changed_something
FROM tasks
WHERE purpose = 'apply' AND status <> 'skipped' AND started_at IS NOT NULL AND finished_at >= $1 AND finished_at < $2
GROUP BY 1
ORDER BY 1
