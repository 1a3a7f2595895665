SELECT COALESCE(a.agent_id, 'nobody') AS agent, count(*) AS attempts,
    count(*) FILTER (WHERE a.outcome = 'interrupted') AS interrupted,
    count(*) FILTER (WHERE a.outcome = 'not_started') AS not_started,
    count(*) FILTER (WHERE a.late_reports > 0) AS reported_late,
    count(*) FILTER (WHERE NOT a.verified) AS unsigned,
    max(a.finished_at) FILTER (WHERE a.outcome IN ('interrupted', 'not_started')) AS last
FROM task_attempts a
WHERE a.finished_at >= $1 AND a.finished_at < $2
GROUP BY 1
ORDER BY interrupted DESC, attempts DESC, agent
