SELECT to_char(date_trunc('day', a.at AT TIME ZONE 'UTC'), 'YYYY-MM-DD') AS day, count(*) AS decisions,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.at - l.created_at))::numeric, 1) AS median_seconds,
    round(percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM a.at - l.created_at))::numeric, 1) AS p95_seconds
FROM approvals a
JOIN plans l ON l.id = a.plan_id
WHERE a.standing_id IS NULL AND a.at >= $1 AND a.at < $2
GROUP BY 1
ORDER BY 1
