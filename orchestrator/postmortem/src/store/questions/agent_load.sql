SELECT CASE
        WHEN ($2)::timestamptz - ($1)::timestamptz > interval '4 days' THEN to_char(date_trunc('day', at AT TIME ZONE 'UTC'), 'YYYY-MM-DD')
        ELSE to_char(date_trunc('hour', at AT TIME ZONE 'UTC'), 'YYYY-MM-DD HH24:00')
    END AS time,
    agent_id AS agent, round(avg(cpu_percent)::numeric, 1) AS cpu_percent, min(memory_available_mb) AS least_memory_mb,
    round(avg(gpu_percent)::numeric, 1) AS gpu_percent, max(running) AS most_running
FROM resource_metrics
WHERE at >= $1 AND at < $2
GROUP BY 1, 2
ORDER BY 1, 2
