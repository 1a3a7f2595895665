SELECT action, count(*) AS runs, count(*) FILTER (WHERE status <> 'completed') AS failed,
    round(100.0 * count(*) FILTER (WHERE status <> 'completed') / count(*), 1) AS failed_percent,
    count(*) FILTER (WHERE attempt > 1) AS tried_again
FROM tasks
WHERE purpose = 'apply' AND status <> 'skipped' AND started_at IS NOT NULL AND finished_at >= $1 AND finished_at < $2
GROUP BY action
ORDER BY failed DESC, runs DESC, action
