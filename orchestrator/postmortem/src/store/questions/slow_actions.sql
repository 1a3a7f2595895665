SELECT t.action, count(*) AS runs,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY a.duration_seconds)::numeric, 1) AS median_seconds,
    round(percentile_cont(0.95) WITHIN GROUP (ORDER BY a.duration_seconds)::numeric, 1) AS p95_seconds,
    round(max(a.duration_seconds)::numeric, 1) AS longest_seconds, round(sum(a.cpu_hours)::numeric, 3) AS cpu_hours,
    round(max(a.memory_peak_gb)::numeric, 2) AS memory_peak_gb
FROM task_attempts a
JOIN tasks t ON t.id = a.task_id
WHERE t.purpose = 'apply' AND a.duration_seconds IS NOT NULL AND a.finished_at >= $1 AND a.finished_at < $2
GROUP BY t.action
ORDER BY p95_seconds DESC, t.action
